package town

// activity is a way in which a customer and an organisation of the town meet.
type activity struct {
	source, stream string
	channel        string
	direction      string
	purpose        string
	campaign       string
	team           string
	of             []string  // the systems whose record of the customer is named, the first that has one
	ofSet          sourceSet // the same as a set
	weight         int
	anonymous      int      // in thousandths: only the contact point is known
	products       []string // with as many subjects, each product has its own
	outcomes       []string
	subjects       []string
	texts          []string // with as many subjects, each subject has its own
}

var bank = []string{SourceCRM, SourcePBX, SourceCore, SourceChat}

// activities lists the ways; weights compare those that a customer can take.
func activities(all []habit) []activity {
	acts := []activity{
		{source: SourcePBX, stream: "call", channel: "voice", direction: "inbound", purpose: "service", team: "service", of: bank, weight: 20, anonymous: 180,
			products: []string{"current-account", "credit-card", "savings", "mobile-banking"}, outcomes: []string{"resolved", "resolved", "answered", "escalated", "callback_requested"},
			subjects: []string{"Consulta de saldo", "Tarjeta bloqueada", "Cargo no reconocido", "Cambio de clave", "Límite de tarjeta"}},
		{source: SourcePBX, stream: "call", channel: "voice", direction: "outbound", purpose: "marketing", campaign: "card-summer", team: "sales", of: []string{SourceCRM, SourcePBX}, weight: 12, anonymous: 60,
			products: []string{"credit-card", "extra-financing", "life-insurance", "car-loan"}, outcomes: []string{"no_answer", "no_answer", "voicemail", "busy", "interested", "not_interested", "answered"},
			subjects: []string{"Oferta de tarjeta", "Oferta de crédito", "Oferta de seguro", "Oferta de crédito para auto"}},
		{source: SourcePBX, stream: "call", channel: "voice", direction: "outbound", purpose: "collection", team: "collection", of: bank, weight: 4,
			products: []string{"credit-card", "personal-loan"}, outcomes: []string{"no_answer", "promise_to_pay", "answered"}, subjects: []string{"Recordatorio de pago"}},
		{source: SourceCRM, stream: "email", channel: "email", direction: "outbound", purpose: "marketing", campaign: "savings-autumn", team: "marketing", of: []string{SourceCRM}, weight: 10,
			products: []string{"savings", "mortgage", "credit-card"}, outcomes: []string{"delivered", "delivered", "opened", "clicked", "bounced"}, subjects: []string{"Su ahorro crece con nosotros", "Una hipoteca a su medida", "Conozca su nueva tarjeta"}},
		{source: SourceCRM, stream: "email", channel: "email", direction: "inbound", purpose: "service", team: "service", of: []string{SourceCRM}, weight: 7, anonymous: 90,
			products: []string{"credit-card", "current-account", "mortgage"}, outcomes: []string{"resolved", "answered"}, subjects: []string{"Reclamo por comisión", "Constancia de cuenta", "Actualizar mis datos"},
			texts: []string{"Buenos días, me cobraron una comisión que no corresponde. ¿Pueden revisarlo?", "Necesito una constancia de mi cuenta para un trámite.", "Cambié de domicilio y quisiera actualizar mis datos."}},
		{source: SourceChat, stream: "chat", channel: "chat", direction: "inbound", purpose: "service", team: "chat", of: []string{SourceChat, SourceCRM}, weight: 12, anonymous: 120,
			products: []string{"mobile-banking", "credit-card"}, outcomes: []string{"resolved", "answered", "abandoned"}, subjects: []string{"Ayuda con la aplicación", "Estado de mi solicitud"},
			texts: []string{"No puedo entrar a la aplicación desde ayer.", "¿En qué estado está mi solicitud?", "¿A qué hora cierra la agencia del centro?", "Me aparece un cobro dos veces en la tarjeta."}},
		{source: SourceChat, stream: "chat", channel: "whatsapp", direction: "inbound", purpose: "service", team: "chat", of: []string{SourceChat, SourceCRM}, weight: 8, anonymous: 150,
			products: []string{"current-account", "credit-card"}, outcomes: []string{"resolved", "answered"}, subjects: []string{"Consulta por mensaje"}, texts: []string{"Hola, ¿me ayudan con mi estado de cuenta?", "Buenas, ¿siguen con la promoción sin comisión?"}},
		{source: SourceCore, stream: "branch_visit", channel: "branch", direction: "inbound", purpose: "service", team: "branch", of: []string{SourceCore}, weight: 9,
			products: []string{"savings", "current-account", "personal-loan"}, outcomes: []string{"resolved", "answered"}, subjects: []string{"Depósito", "Apertura de cuenta", "Solicitud de crédito"}},
		{source: SourceShop, stream: "order", channel: "web", direction: "inbound", purpose: "service", of: []string{SourceShop}, weight: 22,
			products: []string{"home", "kitchen", "toys", "garden", "books", "shoes"}, outcomes: []string{"sale", "sale", "sale", "abandoned"}, subjects: []string{"Pedido en línea"}},
		{source: SourceShop, stream: "email", channel: "email", direction: "outbound", purpose: "marketing", campaign: "tienda-weekly", of: []string{SourceShop}, weight: 12,
			products: []string{"home", "toys", "shoes"}, outcomes: []string{"delivered", "opened", "clicked"}, subjects: []string{"Ofertas de la semana"}},
		{source: SourceShop, stream: "email", channel: "email", direction: "outbound", purpose: "service", of: []string{SourceShop}, weight: 8,
			products: []string{"home", "books"}, outcomes: []string{"delivered"}, subjects: []string{"Su pedido va en camino", "Su factura"}},
		{source: SourceCitizen, stream: "visit", channel: "visit", direction: "inbound", purpose: "service", team: "window", of: []string{SourceCitizen}, weight: 14,
			products: []string{"residence", "permits", "water"}, outcomes: []string{"resolved", "escalated"}, subjects: []string{"Constancia de residencia", "Permiso de construcción", "Recibo de agua"}},
		{source: SourceCitizen, stream: "call", channel: "voice", direction: "inbound", purpose: "service", team: "citizen-line", of: []string{SourceCitizen}, weight: 10, anonymous: 200,
			products: []string{"street-lighting", "roads", "waste"}, outcomes: []string{"resolved", "answered", "escalated"}, subjects: []string{"Alumbrado público", "Bache en la vía", "Recolección de basura"}},
		{source: SourceCitizen, stream: "message", channel: "sms", direction: "outbound", purpose: "service", of: []string{SourceCitizen}, weight: 4,
			products: []string{"water", "taxes"}, outcomes: []string{"delivered"}, subjects: []string{"Aviso de corte programado", "Vencimiento de impuesto"}},
	}
	for i := range acts {
		acts[i].ofSet = setOf(all, acts[i].of...)
	}
	return acts
}

// wish is a way to say no: where it is said, what it is about.
type wish struct {
	source   string
	channel  string   // through which it is said
	about    []string // systems whose record is named
	channels []string
	purposes []string
	products []string
	reason   string
	text     string // shown or read out
	point    string // which contact point is bound too: phone, email, or none
}

// wishesToStop lists the ways.
func wishesToStop() []wish {
	return []wish{
		{source: SourcePBX, channel: "voice", about: []string{SourceCRM, SourcePBX}, purposes: []string{"marketing"}, products: []string{"credit-card"}, reason: "not interested", point: "phone"},
		{source: SourcePBX, channel: "voice", about: []string{SourceCRM, SourcePBX}, channels: []string{"voice"}, purposes: []string{"marketing"}, reason: "does not want sales calls", point: "phone", text: "Marque 9 para no recibir más llamadas de ventas."},
		{source: SourcePBX, channel: "voice", about: []string{SourcePBX, SourceCRM}, channels: []string{"voice"}, reason: "does not want to be called", point: "phone"},
		{source: SourceCRM, channel: "email", about: []string{SourceCRM}, channels: []string{"email"}, purposes: []string{"marketing"}, reason: "unsubscribed", point: "email", text: "Darse de baja de estos correos"},
		{source: SourceCRM, channel: "branch", about: []string{SourceCRM, SourceCore}, purposes: []string{"marketing", "survey"}, reason: "asked at the branch"},
		{source: SourceShop, channel: "web", about: []string{SourceShop}, channels: []string{"email"}, purposes: []string{"marketing"}, reason: "unsubscribed", point: "email", text: "No quiero recibir ofertas"},
		{source: SourceShop, channel: "email", about: []string{SourceShop}, channels: []string{"email", "sms"}, purposes: []string{"marketing"}, products: []string{"toys"}, reason: "preference centre"},
		{source: SourceChat, channel: "whatsapp", about: []string{SourceChat, SourceCRM}, channels: []string{"whatsapp", "sms"}, reason: "BAJA", point: "phone"},
		{source: SourceCitizen, channel: "visit", about: []string{SourceCitizen}, channels: []string{"sms"}, reason: "asked at the window", point: "phone"},
		{source: SourceCRM, channel: "letter", about: []string{SourceCRM, SourceCore}, reason: "wrote a letter"},
	}
}

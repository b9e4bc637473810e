package contact

import (
	"math/bits"
	"strings"

	"ficha/internal/contactpoint"
	"ficha/internal/text"
)

// Class says what a purpose is for, and so what uncertainty means: deny, except
// for obligatory purposes, which no statement silences.
type Class string

// The purpose classes.
const (
	ClassMarketing  Class = "marketing"
	ClassSurvey     Class = "survey"
	ClassCollection Class = "collection"
	ClassService    Class = "service"
	ClassObligatory Class = "obligatory" // emergency, statutory notice
)

// channels lists the known channels, preferred first: the order in which
// alternatives are offered. A channel's bit is its index.
var channels = [...]string{"email", "whatsapp", "sms", "voice", "letter", "push", "social", "chat", "visit",
	"fax", "app", "web", "branch", "meeting", "review"}

// channelSet is a set of known channels, one bit each.
type channelSet uint32

func (s channelSet) has(o channelSet) bool { return s&o != 0 }

func (s channelSet) name() string { return channels[bits.TrailingZeros32(uint32(s))] }

// folded is the comparable form of a channel or purpose code: lower case, no
// accents, words joined by underscores.
func folded(code string) string { return strings.ReplaceAll(text.Fold(code), " ", "_") }

// plain is the comparable form of a product, brand or topic, whose codes are the
// site's own: trimmed and in lower case.
func plain(code string) string { return strings.ToLower(strings.TrimSpace(code)) }

// channelCode gives a channel's own name for what people call it, other codes folded.
func channelCode(code string) string {
	c := folded(code)
	switch c {
	case "phone", "call", "calls", "telephone", "telefono", "llamada", "llamadas", "voz", "phone_call", "telemarketing":
		return "voice"
	case "text", "text_message", "mensaje", "mensajes", "mms":
		return "sms"
	case "e_mail", "mail_electronico", "correo", "correo_electronico", "emails":
		return "email"
	case "wa", "whats_app", "wapp":
		return "whatsapp"
	case "post", "postal", "mail", "carta", "correo_postal", "letters":
		return "letter"
	case "visita", "home_visit", "door_to_door":
		return "visit"
	case "facebook", "instagram", "x", "twitter", "redes_sociales", "social_media":
		return "social"
	case "push_notification", "notificacion":
		return "push"
	}
	return c
}

// channelBit gives the set of one known channel, empty for an unknown code.
func channelBit(code string) channelSet {
	for i, c := range channels {
		if c == code {
			return 1 << i
		}
	}
	return 0
}

// fits says whether a contact point of a kind can be used on the channels of s.
func (s channelSet) fits(k contactpoint.Kind) bool {
	switch k {
	case contactpoint.KindPhone:
		return s.has(phoneChannels)
	case contactpoint.KindEmail:
		return s.has(emailChannels)
	case contactpoint.KindHandle:
		return s.has(handleChannels)
	case contactpoint.KindAddress:
		return s.has(addressChannels)
	}
	return false
}

// The channels that each kind of contact point serves, by the order of channels.
const (
	emailChannels   channelSet = 1 << 0
	phoneChannels   channelSet = 1<<1 | 1<<2 | 1<<3 | 1<<9 // whatsapp, sms, voice, fax
	addressChannels channelSet = 1<<4 | 1<<8               // letter, visit
	handleChannels  channelSet = 1<<6 | 1<<7 | 1<<1        // social, chat, whatsapp
	allChannels     channelSet = 1<<len(channels) - 1
)

// purposeCode gives a purpose's own name and class for what people call it. An
// unknown code is taken for marketing, the class that is denied when in doubt.
func purposeCode(code string) (name string, class Class, known bool) {
	c := folded(code)
	switch c {
	case "marketing", "mercadeo", "mercadotecnia", "publicidad", "advertising", "direct_marketing", "marketing_directo", "comercial", "commercial", "telemarketing":
		return "marketing", ClassMarketing, true
	case "sales", "ventas", "venta", "sale", "selling":
		return "sales", ClassMarketing, true
	case "promotion", "promotions", "promocion", "promociones", "offers", "offer", "ofertas", "oferta":
		return "promotion", ClassMarketing, true
	case "newsletter", "newsletters", "boletin", "boletines":
		return "newsletter", ClassMarketing, true
	case "cross_sell", "cross_selling", "upsell", "upselling", "retention", "retencion", "loyalty", "fidelizacion", "event", "evento":
		return c, ClassMarketing, true
	case "survey", "surveys", "encuesta", "encuestas", "nps", "csat", "research", "market_research":
		return "survey", ClassSurvey, true
	case "collection", "collections", "debt_collection", "cobro", "cobros", "cobranza", "cobranzas":
		return "collection", ClassCollection, true
	case "service", "servicio", "servicios", "support", "soporte", "transactional", "transaccional", "customer_service", "servicio_al_cliente":
		return "service", ClassService, true
	case "delivery", "appointment", "billing", "security", "complaint", "onboarding", "renewal_notice", "notify_me", "callback":
		return c, ClassService, true
	case "emergency", "emergencia", "evacuation", "evacuacion":
		return "emergency", ClassObligatory, true
	case "statutory_notice", "legal_notice", "aviso_legal", "statutory", "tax_notice", "notificacion_legal":
		return "statutory_notice", ClassObligatory, true
	case "product_recall", "recall", "data_breach_notice":
		return c, ClassObligatory, true
	case "obligatory":
		return c, ClassObligatory, true
	}
	return c, ClassMarketing, false
}

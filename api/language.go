package api

import (
	"golang.org/x/text/language"
)

// languageOf gives es or en for a caller: the first of the two that
// Accept-Language prefers, else en.
func languageOf(accept string) string {
	if accept == "" || len(accept) > 256 {
		return "en"
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return "en"
	}
	for _, tag := range tags {
		if base, _ := tag.Base(); base.String() == "es" || base.String() == "en" {
			return base.String()
		}
	}
	return "en"
}

// words are a problem's title and, where it is the same every time, its detail.
type words struct{ title, detail string }

// spanish gives the words of a problem's code in Spanish. Details that say what
// is wrong this time are in English in every language.
func spanish(code string) words {
	return map[string]words{
		"unauthenticated":        {"Falta una clave válida", "La clave falta o no es válida; envíe Authorization: Bearer ficha_…"},
		"forbidden":              {"Falta el rol", ""},
		"stale":                  {"Todavía no llega a lo pedido", "Las proyecciones no alcanzaron min_position en un segundo; pregunte de nuevo."},
		"feed_gone":              {"Los cambios ya no están", "Los cambios posteriores a ese id ya no se guardan: lea de nuevo los clientes que tiene y siga desde ahora."},
		"too_many_requests":      {"Demasiadas solicitudes", "Demasiadas solicitudes con esta clave; vea Retry-After."},
		"log_damaged":            {"El registro está dañado", ""},
		"unavailable":            {"No disponible ahora", ""},
		"too_large":              {"Demasiado grande", "El cuerpo supera el límite."},
		"not_found":              {"No encontrado", ""},
		"conflict":               {"Alguien se adelantó", "Lea de nuevo y repita."},
		"invalid":                {"No se puede usar así", "Vea errors."},
		"invalid_json":           {"No es JSON", "El cuerpo no es un único valor JSON."},
		"no_such_route":          {"No existe esa ruta", "No existe esa ruta; vea /docs."},
		"method_not_allowed":     {"Método no permitido", "La ruta tiene otros métodos; vea Allow."},
		"request_timeout":        {"Solicitud demasiado lenta", "El cuerpo no llegó a tiempo."},
		"cross_origin":           {"Solicitud de otra página web", "El navegador la envió desde otra página."},
		"needs_rebuild":          {"Solo sirve reconstruir", "El evento está en el registro y una proyección no pudo aplicarlo. Reconstruya con una versión que pueda: ficha projections rebuild."},
		"idempotency_key_reused": {"Idempotency-Key usada para otra cosa", "La misma Idempotency-Key vino antes con otra solicitud."},
		"not_achievable":         {"No llegaría a ser así", "Otras decisiones o reglas lo impiden; vea errors. No se escribió nada."},
		"not_undoable":           {"No se puede deshacer", "Lo que confirma que una negativa no obliga a un cliente no se puede retirar, y solo se deshacen trabajos que deciden."},
		"not_decided":            {"Sin decidir", "No hay ninguna decisión que deshacer."},
		"already_decided":        {"Ya decidido", "Ya está decidido; deshaga primero esa decisión."},
		"job_state":              {"No en este estado del trabajo", "El trabajo no está en un estado en que eso se pueda hacer."},
		"stale_review":           {"El caso ha cambiado", "El caso no está como usted lo vio; léalo de nuevo."},
		"stale_customer":         {"El cliente ha cambiado", "El cliente no está como usted lo vio; léalo de nuevo."},
		"precondition_required":  {"Falta If-Match", "Diga qué estado vio: If-Match con su ETag."},
		"unsupported_media_type": {"Tipo de contenido no admitido", "Vea en la referencia los tipos de contenido de esta ruta."},
		"internal":               {"Error interno", "Error interno; indique el trace id."},
	}[code]
}

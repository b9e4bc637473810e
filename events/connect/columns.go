package connect

import (
	"strings"
	"unicode"

	"ficha/internal/text"
)

// columnNames are the names, folded and joined by underscores, by which columns
// are recognised in English, Spanish and Portuguese exports. Truth columns and
// keys of other tables are not among them on purpose.
const columnNames = `
id: id record_id customer_id customerid client_id id_cliente cliente_id cod_cliente codigo_cliente codigo id_registro contact_id contactid account_id_pk person_id id_persona persona_id member_id user_id userid id_usuario uid uuid rec_id record_no no_cliente num_cliente numero_cliente cliente_codigo kunnr business_partner businesspartner business_partner_id mrn patient_id cif_id customer_no customer_number
revision: revision rev version version_number versionnumber row_version rowversion
time: time ts timestamp updated_at modified_at last_modified last_modified_date lastmodifieddate modified_on modifiedon updated_on last_update last_updated update_time updated_time fecha_modificacion fecha_actualizacion fecha_ultima_modificacion ultima_actualizacion actualizado_en modificado_en data_alteracao data_atualizacao atualizado_em
created_at: created_at created_on createdon created_date createddate create_time created_time creation_date fecha_creacion fecha_alta fecha_registro creado_en data_criacao data_cadastro criado_em erdat
kind: kind record_type customer_type tipo_cliente tipo_persona persona_tipo tipo_pessoa entity_type
names.given: given_name givenname given first_name firstname first fname forename forenames nombre nombres nombre_pila primer_nombre primeiro_nome nombre_1 nome_proprio name_first
names.middle: middle_name middlename middle mname segundo_nombre second_name nome_do_meio name_middle
names.family: family_name familyname family last_name lastname last lname surname surname1 surname_1 surname1st first_surname apellido apellidos apellido1 apellido_1 primer_apellido apellido_paterno paterno ap_paterno sobrenome ultimo_nome apelido name_last
names.family2: family_name2 surname2 surname_2 second_surname apellido2 apellido_2 segundo_apellido apellido_materno materno ap_materno mothers_maiden_name segundo_sobrenome
names.full: full_name fullname name display_name displayname nombre_completo nombre_y_apellido nombre_y_apellidos nombres_y_apellidos nombre_apellido apellidos_y_nombres nome nome_completo nombre_cliente cliente contact_name customer_name customername name_full
names.maiden.family: maiden maiden_name nombre_soltera apellido_soltera nome_solteira
names.prefix: prefix salutation title_of_courtesy tratamiento saludo tratamento honorific
names.suffix: suffix name_suffix sufijo sufixo
names.organization: organization_name organisation_name org_name razon_social nombre_empresa denominacion_social razao_social nome_fantasia nombre_comercial legal_name business_name name_org
organization: company company_name companyname organization organisation employer employer_name empresa empleador empregador compania
birth_date: birth_date birthdate birthday date_of_birth dateofbirth dob born fecha_nacimiento fecha_de_nacimiento fec_nac fecha_nac f_nacimiento fnacimiento nacimiento nacido data_nascimento data_de_nascimento nascimento dt_nasc
death_date: death_date date_of_death dod deceased_on fecha_defuncion fecha_fallecimiento data_obito
gender: gender sex sexo genero gender_code gendercode
phones: phone phone_number phonenumber telephone telephone1 telephone_number tel telefono numero_telefono num_telefono telefone fone fono telf telf1 phone_no contact_phone
phones.mobile: mobile mobile_phone mobilephone mobile_number cell cell_phone cellphone cellular cel celular movil telefono_movil telefono_celular tel_movil numero_celular numero_movil telemovel telefone_celular
phones.home: home_phone homephone phone_home telefono_casa tel_casa telefono_fijo fijo telefone_residencial telefone_fixo address1_telephone1 telephone2
phones.work: work_phone workphone phone_work business_phone businessphone office_phone telefono_trabajo telefono_oficina tel_trabajo tel_oficina telefone_comercial
phones.whatsapp: whatsapp whatsapp_number
phones.fax: fax fax_number telefax telfx
phones.extension: extension phone_extension phone_ext extension_telefonica ramal
phones.region: phone_region phone_country phone_country_code region_telefono
emails: email e_mail mail email_address emailaddress emailaddress1 mail_address correo correo_electronico email_principal correo_e direccion_correo endereco_email recipient_email
emails.work: work_email email_work business_email correo_trabajo correo_oficina email_trabajo
emails.home: home_email personal_email email_personal correo_personal
documents.kind: document_kind document_type documenttype doc_type tipo_documento tipo_doc tipo_identificacion id_type
documents.number: document_number documentnumber document_no doc_number numero_documento num_documento nro_documento numero_doc no_documento documento identificacion numero_identificacion num_identificacion id_number identification
documents.country: document_country doc_country pais_documento
documents.national_id: national_id nationalid national_id_number cedula cedula_identidad cedula_ciudadania documento_identidad identity_card
documents.dpi: dpi cui
documents.nit: nit
documents.curp: curp
documents.rfc: rfc
documents.dni: dni dni_nie
documents.nie: nie
documents.nif: nif
documents.cif: cif
documents.cuit: cuit cuil
documents.rut: rut run
documents.ruc: ruc
documents.cc: cc
documents.cpf: cpf
documents.ssn: ssn social_security social_security_number soc_sec_id socsecid ssn_number
documents.passport: passport passport_number passport_no pasaporte numero_pasaporte num_pasaporte passaporte
documents.driver_license: driver_license drivers_license driving_license driving_licence driver_license_number drivers_license_number licencia licencia_conducir licencia_de_conducir
documents.tax_id: tax_id taxid tax_number vat vat_number vat_id tin stcd1
addresses.line: address address_line addressline address_full full_address direccion direccion_completa domicilio endereco endereco_completo address_1 address1 address_line1 address_line_1 address_2 address2 address_line2 address_line_2 address_3 address3 address_line3 direccion1 direccion2 direccion_1 direccion_2 addr addr1 addr2
addresses.street: street street_name streetname street_address calle via nombre_via nombre_calle avenida rua logradouro stras
addresses.number: street_number streetnumber house_number housenumber house_no number_street numero_calle num_calle numero_exterior num_ext no_ext numero_casa nro_calle altura address_number
addresses.unit: unit apartment apt suite flat numero_interior num_int no_int piso depto departamento_numero apartamento complemento puerta
addresses.locality: city town suburb locality municipality municipio ciudad localidad poblacion cidade place ort01 comuna
addresses.region: state province region county state_province stateorprovince estado provincia departamento uf regio entidad entidad_federativa
addresses.postal_code: postcode postal_code postalcode post_code zip zipcode zip_code cp codigo_postal cod_postal codpostal c_p cep pstlz
addresses.country: country country_code countrycode country_name pais pais_residencia codigo_pais land1 countryregion country_region
language: language lang idioma preferred_language lengua lingua user_language locale
nationality: nationality nacionalidad nacionalidade citizenship
lifecycle: lifecycle lifecycle_stage lifecyclestage
segment: segment segmento customer_segment
tier: tier nivel
vip: vip is_vip es_vip
tags: tags etiquetas labels
deny.voice: do_not_call donotcall dont_call donotphone do_not_phone no_llamar nao_ligar suppress_all_calls suppressallcalls no_call
deny.email.marketing: email_opt_out emailoptout has_opted_out_of_email hasoptedoutofemail optout_email opt_out_email unsubscribed email_unsubscribed emailblacklisted email_blacklisted donotbulkemail suppress_all_emails suppressallemails baja_correo no_enviar_correo
deny.email: donotemail do_not_email no_email
deny.sms: sms_opt_out smsoptout do_not_sms no_sms donotsendmm smsblacklisted sms_blacklisted
deny.letter: donotpostalmail do_not_mail suppress_all_mailings suppressallmailings no_correo_postal
deny.fax: donotfax has_opted_out_of_fax hasoptedoutoffax
deny: do_not_contact donotcontact no_contactar opt_out optout opted_out nao_contatar
withdrawn: is_deleted isdeleted deleted eliminado borrado fivetran_deleted
`

// uses are words before or after a column's name that say which of several
// phones, addresses, … it is.
var uses = map[string]string{
	"home": "home", "casa": "home", "residencial": "home", "personal": "home", "work": "work", "office": "work", "trabajo": "work", "oficina": "work", "business": "work", "comercial": "work",
	"mobile": "mobile", "movil": "mobile", "celular": "mobile", "billing": "billing", "facturacion": "billing", "cobranca": "billing", "shipping": "delivery", "delivery": "delivery", "envio": "delivery", "entrega": "delivery",
	"mailing": "mailing", "postal": "mailing", "primary": "", "main": "", "principal": "", "default": "", "other": "other", "otro": "other", "secondary": "secondary", "secundario": "secondary", "alternate": "secondary", "alterno": "secondary",
	"address": "", "addresses": "", "direccion": "", "customer": "", "contact": "", "person": "", "cliente": "", "persona": "",
}

// recogniser knows columns by name.
type recogniser struct{ names map[string]target }

func newRecogniser() *recogniser {
	r := &recogniser{names: make(map[string]target, 512)}
	for line := range strings.Lines(strings.TrimSpace(columnNames)) {
		to, names, _ := strings.Cut(line, ":")
		t, err := parseTarget(to)
		if err != nil {
			continue // a test holds every line to parse
		}
		for name := range strings.FieldsSeq(names) {
			r.names[name] = t
		}
	}
	return r
}

// target gives what a column is by its name. Paths of nested objects are joined
// by dots, list places being numbers: phones.0.value.
func (r *recogniser) target(column string) (target, bool) {
	if len(column) > 200 {
		return target{}, false
	}
	if t, ok := canonical(column); ok {
		return t, true
	}
	words, number := columnWords(column)
	t, ok := r.words(words)
	if !ok && len(words) > 0 {
		last := len(words) - 1
		word := strings.TrimRight(words[last], "0123456789")
		digits := words[last][len(word):]
		if words = append(words[:last:last], word); word == "" {
			words = words[:last]
		}
		if t, ok = r.words(words); ok && digits != "" && !groups(t.field) {
			return target{}, false
		}
		number += digits
	}
	if t.group == "" || number != "" {
		t.group += number
	}
	return t, ok
}

// words looks a name up, then without a word of use before or after it.
func (r *recogniser) words(words []string) (target, bool) {
	if t, ok := r.names[strings.Join(words, "_")]; ok {
		return t, true
	}
	if len(words) < 2 {
		return target{}, false
	}
	for _, cut := range [...]struct {
		use  string
		rest []string
	}{{words[0], words[1:]}, {words[len(words)-1], words[:len(words)-1]}} {
		use, ok := uses[cut.use]
		if !ok {
			continue
		}
		t, ok := r.words(cut.rest)
		if !ok || t.field < nameGiven || t.field == nativeID {
			continue
		}
		if use != "" && groups(t.field) {
			t.group, t.arg = use+t.group, orElse(useArg(t.field, use), t.arg)
		}
		return t, true
	}
	return target{}, false
}

// groups says whether a record may have several of what the field is part of.
func groups(f field) bool { return f >= phoneValue && f <= addressUse }

// useArg is the use as an argument, for fields whose argument is one.
func useArg(f field, use string) string {
	if f >= documentNumber && f <= documentCountry {
		return ""
	}
	return use
}

// canonical reads a path that is a target already: names.0.given, birth_date.
func canonical(column string) (target, bool) {
	var path []string
	group := ""
	for part := range strings.SplitSeq(column, ".") {
		if isNumber(part) {
			group += part
			continue
		}
		path = append(path, part)
	}
	f, ok := targetFields[strings.Join(path, ".")]
	if !ok || f == ignored || len(path) == 1 && f == organization {
		return target{}, false
	}
	return target{field: f, group: group}, true
}

// columnWords splits a name at dots, underscores, blanks and where capitals
// begin, folds the words, and takes numbers off: list places, and a last one.
func columnWords(column string) (words []string, number string) {
	var spaced strings.Builder
	last := ' '
	for _, c := range column {
		if unicode.IsUpper(c) && unicode.IsLower(last) {
			spaced.WriteByte(' ')
		}
		spaced.WriteRune(c)
		last = c
	}
	all := text.Tokens(spaced.String())
	for i, w := range all {
		switch {
		case isNumber(w) && i > 0 && strings.Contains(column, "."+w):
			number += w
		default:
			words = append(words, w)
		}
	}
	return words, number
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

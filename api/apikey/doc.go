// Package apikey makes, keeps and checks the keys that callers of the hub show:
//
//	ficha_<id>_<secret>
//
// The id is public (it is what logs, audit and `ficha key list` show); of the
// secret only HMAC-SHA256(server key, id, secret) is stored, so neither a copy
// of the store nor of a backup lets anyone in. A high-entropy secret needs no
// slow hash (argon2id is for passwords), and contact checks could not afford one.
//
// Roles and sources are read from the store again after at most [Config.TTL]
// (one second), so that a role taken away stops working within a second. When
// the store does not answer, nobody gets in.
package apikey

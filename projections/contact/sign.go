package contact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A decision id is base64url of: version (1 byte), decision (1 byte, 1 = allow),
// checked_at and valid_until (8 bytes each, milliseconds of Unix time), and the
// first 16 bytes of HMAC-SHA256 over all of that and the request. It says nothing
// about whom it is of, and nobody without the key can make one.
const (
	decisionVersion = 1
	decisionHead    = 18
	decisionMAC     = 16
)

// sign gives the decision id of an answer.
func sign(key []byte, req *Request, ans *Answer) string {
	head := make([]byte, decisionHead, decisionHead+decisionMAC)
	head[0] = decisionVersion
	if ans.Decision == DecisionAllow {
		head[1] = 1
	}
	binary.BigEndian.PutUint64(head[2:], uint64(ans.CheckedAt.UnixMilli()))
	binary.BigEndian.PutUint64(head[10:], uint64(ans.ValidUntil.UnixMilli()))
	return base64.RawURLEncoding.EncodeToString(append(head, decisionSum(key, head, req)...))
}

func decisionSum(key, head []byte, req *Request) []byte {
	b := append(make([]byte, 0, 256), head...)
	for _, s := range [...]string{req.Who.CustomerID, req.Who.Phone, req.Who.Email, req.Who.Handle, req.Who.Network,
		req.Channel, req.Purpose, req.Product, req.Brand, req.Topic} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if k := req.Who.Record; k != nil {
		id := k.UUID()
		b = append(b, id[:]...)
	}
	b = binary.AppendVarint(b, req.At.UnixMilli())
	b = binary.AppendVarint(b, req.KnownAt.UnixMilli())
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)[:decisionMAC]
}

// DecisionClaim is what a decision id says.
type DecisionClaim struct {
	Decision   Decision
	CheckedAt  time.Time
	ValidUntil time.Time
}

// VerifyDecision says what a decision id claims, and whether this hub gave it for
// that very request.
func VerifyDecision(key []byte, id string, req *Request) (DecisionClaim, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(b) != decisionHead+decisionMAC || b[0] != decisionVersion {
		return DecisionClaim{}, false
	}
	c := DecisionClaim{Decision: DecisionDeny,
		CheckedAt:  time.UnixMilli(int64(binary.BigEndian.Uint64(b[2:]))).UTC(),
		ValidUntil: time.UnixMilli(int64(binary.BigEndian.Uint64(b[10:]))).UTC()}
	if b[1] == 1 {
		c.Decision = DecisionAllow
	}
	return c, hmac.Equal(b[decisionHead:], decisionSum(key, b[:decisionHead], req))
}

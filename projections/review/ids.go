package review

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"

	"ficha/events"
)

// namespace is frozen: ids of items are in event ids.
var namespace = uuid.MustParse("8f0f4d52-3a0e-5a55-9c1b-2f6d7a90c3e4")

// PairID is the id of the item about two customers. It does not depend on their order.
func PairID(a, b uuid.UUID) uuid.UUID {
	if compareIDs(a, b) > 0 {
		a, b = b, a
	}
	return derive(KindPair, a[:], b[:])
}

// GroupID is the id of the item about several customers, which are sorted.
func GroupID(customers []uuid.UUID) uuid.UUID {
	parts := make([][]byte, len(customers))
	for i := range customers {
		parts[i] = customers[i][:]
	}
	return derive(KindGroup, parts...)
}

// HoldID is the id of the item about a statement that binds a customer.
func HoldID(folio string, customer uuid.UUID) uuid.UUID {
	return derive(KindHold, []byte(folio), customer[:])
}

// VerdictID is the id under which a verdict can be read as an item.
func VerdictID(e events.EventID) uuid.UUID {
	return derive(KindVerdict, []byte(e.Source), []byte(e.ID))
}

// derive makes a UUIDv5 over the kind and parts, each with its length before it.
func derive(k Kind, parts ...[]byte) uuid.UUID {
	b := append(make([]byte, 0, 64), k...)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return uuid.NewSHA1(namespace, b)
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func sorted(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

// contains says whether sorted ids have id among them.
func contains(ids []uuid.UUID, id uuid.UUID) bool {
	_, ok := slices.BinarySearchFunc(ids, id, compareIDs)
	return ok
}

// with and without give a sorted list with or without one of its elements. The
// given list is no longer to be used.
func with[T any](list []T, v T, compare func(a, b T) int) []T {
	i, ok := slices.BinarySearchFunc(list, v, compare)
	if ok {
		return list
	}
	return slices.Insert(list, i, v)
}

func without[T any](list []T, v T, compare func(a, b T) int) []T {
	i, ok := slices.BinarySearchFunc(list, v, compare)
	if !ok {
		return list
	}
	return slices.Delete(list, i, i+1)
}

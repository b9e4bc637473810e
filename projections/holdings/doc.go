// Package holdings folds what customers have with the company: cases, orders and
// contracts, each as its own system states it, and the numbers by which people
// name them on the telephone.
//
//	case.changed     ─┐                    ┌─▶ holdings               what is stated of each
//	order.changed    ─┼─▶ newest by stamp ─┼─▶ holdings_by_customer   whose it is
//	contract.changed ─┘                    ├─▶ holding_numbers        number → what it is the number of
//	                                       └─▶ cases                  by status, newest first
//
// A case, order or contract is a record of its own system, stated as a whole: the
// newest statement by stamp is what it says, also whose it is. So late, shuffled and
// repeated statements end the same, and one that names another customer moves it.
//
// Rows hang on the customer record that the statement names, never on golden ids:
// merges and splits move no row. What names no customer hangs on nobody, and is
// still listed and found by its numbers.
//
// Its time is opened_at of a case, ordered_at of an order, signed_at, else
// starts_at of a contract; where the source does not state it, the earliest time
// of any statement about it.
//
// A case is open while its status is none of resolved, closed and cancelled and
// expires_at, if stated, has not passed; it is overdue while it is open and due_at
// has passed. Folds know no clock: both are judged when asked.
//
// Rows:
//
//	holdings              kind, uuid of its own record      → earliest time, stamp, the data as stated
//	holdings_by_customer  customer record, kind, time, uuid → brief
//	holding_numbers       number kind, number, 0x00, kind, uuid → empty
//	cases                 status 0x00, time, uuid           → brief
//
// A kind is one byte: 'c' case, 'o' order, 'k' contract; as number kind also 's'
// serial number. Time is in µs, as 8 bytes that sort from newest to oldest. A
// number is kept as [Normal] gives it; the original is in the data. A brief is a
// flag byte (1: escalated), then due_at and expires_at in seconds of Unix time
// (0: none), status, kind of the case, owner, and the customer record (16 bytes)
// where one is named.
package holdings

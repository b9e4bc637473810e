// Package eventstest holds the contract of any log and of any id index as test
// suites ([Exercise], [ExerciseIDIndex]), and keeps simple ones in memory ([Log],
// [DeadLetters], [IDIndex]) for the tests of whatever stands on a log.
//
// Every "must" in the comments of [events.Log] is a case of its own; an
// implementation passes all of them or is none. There are no exclusions: a
// field of [LogUnderTest] that is nil says what an implementation cannot be
// asked (a log in memory cannot be opened again), and nothing else.
package eventstest

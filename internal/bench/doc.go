// Package bench measures the server: `linli bench`.
//
// # What is measured
//
// A community with staff in four roles, each person with a token, and many programmes of five activities with four staff events each;
// needs enforce the order, every event asks for a role, some have guards and inputs (bundle/). Each client takes a programme through
// all its events, one request after the other, then takes the next. Every request has an Idempotency-Key of its own, every answer is
// checked for its status and for the state that it must name, and counts only when it has arrived: it is durable then. At the end the
// history is read, and every transition that was counted must be in it once, in its place.
//
// # Against what
//
// Ours, the control and the floor do the same exchanges, byte for byte the same requests, and take turns in three rounds on the same
// machine in the same run; figures are medians of the rounds.
//
//   - The control does the work the ordinary way: net/http, encoding/json, the token looked up by its hash, one transaction for each
//     transition with the row read for update, a new looplab/fsm machine with the workflow's table, the idempotency key, the new state
//     and a history row; sqlx with prepared statements; on SQLite a write-ahead log with synchronous=FULL, a pool that writes and one
//     that reads. It checks neither roles nor needs nor guards. Before each comparison it is tried with pools of 1, 4, 16 and 64, and
//     measured with the best of them.
//   - The floor is net/http with a handler that writes an answer as long as ours and does nothing else.
//
// # How
//
// Every server is a process of its own, and so is the load generator, which shares the machine with them and therefore does as little
// as can be: on Linux one thread waits for all connections at once, requests are patched into a buffer, of an answer only the status, the
// length and one field are read. Its processor time for each exchange is reported.
//
//   - Processor time of a transition is the user and system time of the server's process (/proc) and, on a PostgreSQL server of this
//     machine, of all of that server's processes, divided by the transitions of the round; to a hundredth of a second in all. The
//     generator's is left out. Where /proc is missing it is 0.
//   - Fsyncs on SQLite are commits, as the server and the control count them, and three for each time the write-ahead log began anew,
//     as its header says. On PostgreSQL they are those of the write-ahead log of the whole server (pg_stat_wal, or pg_stat_io from 18
//     on), whose processes report about once a second; background work of other databases counts too.
//   - The bulk endpoint gets lists of 100, 300 and 500 rows from up to eight clients, each with a programme of its own; rows a second are
//     compared with the control's transitions a second.
//   - A start is measured from before the process is started to the first answer to a request with a token, on the data that the other
//     measures left; idle memory is what the process holds resident some seconds later.
//   - The large database is filled straight through the store with programmes of 100 instances nobody works on.
//
// Programmes are copies of one that the engine created, written straight through the store with chains of their own, because creating
// them one by one would take longer than measuring. They lack an entry in the registry of programmes, which no transition looks at.
//
// Everything happens in a temporary directory and, on PostgreSQL, in databases that are made and dropped.
package bench

package ordertest

import (
	"slices"
	"strings"
)

// The machines as PRACTICE and DOMAIN §1.3–1.8 draw them, copied out by hand. A line is
//
//	from  event  to  roles…
//
// with | between states of which either may follow. reopen and skip are the engine's, and have lines of their own;
// cancel is possible from every state that is not final, by the lead.
//
// Nothing here is read from the definitions: what the definitions do is held against it.

const programmeTable = `
	draft     approve             approved  approver
	approved  return              draft     approver
	approved  start               running   lead
	running   close               closing   lead
	closing   resume              running   lead approver
	closing   accept              accepted  approver
	accepted  withdraw_acceptance closing   approver
	accepted  archive             archived  lead
	archived  reopen              accepted  approver
`

const recruitTable = `
	draft     publish       open       worker lead
	open      close_intake  screening  worker lead system
	screening reopen_intake open       worker lead
	screening form          formed     lead
	formed    amend         formed     worker lead
	formed    close         closed     system
	draft     skip          skipped    approver
	formed    reopen        screening  approver
	closed    reopen        formed     approver
`

const trainTable = `
	draft      schedule    scheduled  worker lead
	scheduled  reschedule  scheduled  worker lead
	scheduled  start       in_session worker lead
	in_session finish      attendance worker lead
	attendance sign_off    signed_off lead
	signed_off open_makeup makeup     worker lead
	makeup     sign_off    signed_off lead
	signed_off close       closed     system
	makeup     close       closed     system
	draft      skip        skipped    approver
	signed_off reopen      attendance approver
	closed     reopen      signed_off approver
`

const fundraiseTable = `
	draft      submit           review     worker lead
	review     approve          open       approver
	review     return           draft      approver
	open       close            closed     finance
	closed     reopen_intake    open       finance lead
	purchasing reopen_intake    open       finance lead
	closed     start_purchase   purchasing finance
	purchasing reconcile        reconciled finance
	reconciled back_to_purchase purchasing finance
	reconciled publish          published  approver
	published  correct          reconciled finance
	published  archive          archived   system lead
	draft      skip             skipped    approver
	archived   reopen           published  approver
`

const visitTable = `
	planning    assign       assigned    worker lead
	assigned    replan       planning    worker lead
	assigned    start        in_progress lead
	in_progress finish_round follow_up   worker lead
	follow_up   reopen_round in_progress worker lead
	follow_up   complete     completed   lead
	planning    skip         skipped     approver
	completed   archive      archived    system
	completed   reopen       follow_up   approver
	archived    reopen       completed   approver
`

const recogniseTable = `
	draft        lock_hours nominating   lead
	nominating   unlock     draft        lead approver
	nominating   submit     review       worker lead
	review       return     nominating   approver
	review       announce   notice       approver
	notice       end_notice notice_ended system approver
	notice       uphold     nominating   approver
	notice_ended uphold     nominating   approver
	notice       confirm    approved     approver
	notice_ended confirm    approved     approver
	notice       renominate nominating   approver
	notice_ended renominate nominating   approver
	approved     renominate nominating   approver
	approved     award      awarded      worker lead
	awarded      issue      archived     lead
	draft        skip       skipped      approver
	archived     reopen     awarded      approver
	awarded      reopen     approved     approver
`

const eventTable = `
	draft       approve      approved    lead
	draft       return       returned    lead approver
	approved    return       returned    lead approver
	returned    resubmit     draft       worker lead
	draft       quick_record wrap_up     worker lead
	approved    publish      published   worker lead
	published   ready        ready       worker lead
	ready       unready      published   worker lead
	approved    postpone     postponed   worker lead
	published   postpone     postponed   worker lead
	ready       postpone     postponed   worker lead
	postponed   redate       published   worker lead
	ready       start        in_progress worker lead
	in_progress finish       wrap_up     worker lead
	in_progress abort        wrap_up     worker lead
	wrap_up     close        closed      lead
	draft       skip         skipped     approver
	closed      archive      archived    system
	closed      reopen       wrap_up     approver
	archived    reopen       closed      approver
`

const membershipTable = `
	invited     reached   invited     worker lead system
	invited     apply     applied     self worker
	applied     waitlist  waitlisted  worker lead
	accepted    waitlist  waitlisted  worker lead
	invited     accept    accepted    worker lead self
	applied     accept    accepted    worker lead self
	waitlisted  accept    accepted    worker lead self
	declined    accept    accepted    worker lead self
	no_response accept    accepted    worker lead self
	withdrawn   accept    accepted    worker lead self
	accepted    asked     accepted    worker lead system
	invited     confirm   confirmed   self worker lead
	applied     confirm   confirmed   self worker lead
	accepted    confirm   confirmed   self worker lead
	confirmed   refresh   confirmed   worker lead system
	invited     decline   declined    self worker lead
	applied     decline   declined    self worker lead
	waitlisted  decline   declined    self worker lead
	accepted    decline   declined    self worker lead
	no_response decline   declined    self worker lead
	invited     no_answer no_response system worker
	accepted    no_answer no_response system worker
	confirmed   withdraw  withdrawn   self worker lead
	*           person_deceased ended system
	*           person_erased   ended system
`

const sessionTable = `
	planned invite_team planned worker lead
	planned redate      planned worker lead
	planned hold        held    worker lead
	planned all_present held    worker lead
	held    all_present held    worker lead
	planned sign        signed  lead system
	held    sign        signed  lead system
	held    give_hours  held    worker lead
	signed  give_hours  signed  worker lead
	signed  reopen      held    lead
`

const shiftTable = `
	invited     reached   invited     worker lead system
	invited     confirm   confirmed   self worker lead
	declined    confirm   confirmed   self worker lead
	no_response confirm   confirmed   self worker lead
	invited     decline   declined    self worker lead
	confirmed   decline   declined    self worker lead
	no_response decline   declined    self worker lead
	invited     no_answer no_response system worker
	invited     attend    present     worker lead block
	confirmed   attend    present     worker lead block
	declined    attend    present     worker lead block
	no_response attend    present     worker lead block
	excused     attend    present     worker lead block
	no_show     attend    present     worker lead block
	invited     walk_in   present     worker lead block
	invited     excuse    excused     self worker lead
	confirmed   excuse    excused     self worker lead
	present     excuse    excused     self worker lead
	no_show     excuse    excused     self worker lead
	invited     miss      no_show     worker lead
	confirmed   miss      no_show     worker lead
	present     miss      no_show     worker lead
	excused     miss      no_show     worker lead
	excused     make_up   made_up     lead
	no_show     make_up   made_up     lead
	no_response make_up   made_up     lead
	declined    make_up   made_up     lead
	*           person_deceased ended system
	*           person_erased   ended system
`

const pledgeTable = `
	pledged receive  received  worker finance lead
	lapsed  receive  received  worker finance lead
	pledged lapse    lapsed    system worker finance
	pledged withdraw withdrawn worker finance
	lapsed  withdraw withdrawn worker finance
`

const donationTable = `
	received  receipt         receipted finance worker
	receipted correct_receipt received  finance
	received  refund          refunded  finance
	receipted refund          refunded  finance
`

const purchaseTable = `
	draft     request       requested worker lead
	rejected  request       requested worker lead
	requested approve       approved  lead
	requested approve_above approved  approver
	requested reject        rejected  lead approver
	approved  pay           paid      finance
	paid      receive       received  worker finance lead
	approved  correct       draft     finance
	paid      correct       draft     finance
	received  correct       draft     finance
	draft     drop          dropped   worker lead finance
	requested drop          dropped   worker lead finance
	rejected  drop          dropped   worker lead finance
`

const allocationTable = `
	planned drop dropped system worker finance lead
`

const householdVisitTable = `
	listed      guardian_answer listed      worker lead block
	scheduled   guardian_answer scheduled   worker lead block
	listed      schedule        scheduled   worker lead block
	absent      schedule        scheduled   worker lead block
	listed      swap_pair       listed      worker lead
	scheduled   swap_pair       scheduled   worker lead
	absent      swap_pair       absent      worker lead
	scheduled   check_in        visiting    worker lead volunteer
	scheduled   record          recorded|refused worker lead block volunteer
	visiting    record          recorded|refused worker lead block volunteer
	recorded    raise_urgent    recorded    worker lead block
	recorded    refer           recorded    worker lead
	reviewed    refer           reviewed    worker lead
	recorded    review          reviewed    lead worker
	recorded    return_record   scheduled   lead
	reviewed    return_record   scheduled   lead
	scheduled   absent          absent|unreachable worker lead block volunteer
	visiting    absent          absent|unreachable worker lead block volunteer
	unreachable try_again       listed      lead
	refused     try_again       listed      lead
	closed_out  try_again       listed      lead
	listed      refuse          refused     worker lead block volunteer
	scheduled   refuse          refused     worker lead block volunteer
	visiting    refuse          refused     worker lead block volunteer
	absent      refuse          refused     worker lead block volunteer
	listed      close_out       closed_out  worker lead block
	scheduled   close_out       closed_out  worker lead block
	visiting    close_out       closed_out  worker lead block
	absent      close_out       closed_out  worker lead block
	*           consent_withdrawn redacted|recorded|reviewed system
	*           household_erased  redacted  system
	listed      household_muted  closed_out system
	scheduled   household_muted  closed_out system
	absent      household_muted  closed_out system
	*           household_closed closed_out system
`

const consentTable = `
	given      refuse          refused    worker lead block system
	unrecorded refuse          refused    worker lead block system
	given      mark_unrecorded unrecorded worker lead system
	given      withdraw        withdrawn  worker lead block system
	unrecorded withdraw        withdrawn  worker lead block system
	unrecorded give            given      worker lead block
	refused    give            given      worker lead block
	withdrawn  give            given      worker lead block
`

// way is where one event leads from one state, and who may fire it.
type way struct {
	to []string
	by []string
}

// machine is one table, read.
type machine struct {
	initial string
	ways    map[[2]string]way // state, event
	final   []string
}

func newMachine(initial, table string, final ...string) machine {
	m := machine{initial: initial, ways: map[[2]string]way{}, final: append(final, "cancelled", "skipped")}
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		m.ways[[2]string{f[0], f[1]}] = way{to: strings.Split(f[2], "|"), by: f[3:]}
	}
	return m
}

// way returns where an event may lead; * is every state that is not final.
func (m machine) way(state, event string) (way, bool) {
	w, ok := m.ways[[2]string{state, event}]
	if !ok && !slices.Contains(m.final, state) {
		w, ok = m.ways[[2]string{"*", event}]
	}
	return w, ok
}

func machines() map[string]machine {
	return map[string]machine{
		"neighbourhood":   newMachine("draft", programmeTable, "archived"),
		"recruit":         newMachine("draft", recruitTable, "closed"),
		"train":           newMachine("draft", trainTable, "closed"),
		"fundraise":       newMachine("draft", fundraiseTable, "archived"),
		"visit":           newMachine("planning", visitTable, "archived"),
		"recognise":       newMachine("draft", recogniseTable, "archived"),
		"event":           newMachine("draft", eventTable, "archived"),
		"membership":      newMachine("invited", membershipTable, "ended"),
		"session":         newMachine("planned", sessionTable, "signed"),
		"shift":           newMachine("invited", shiftTable, "ended"),
		"pledge":          newMachine("pledged", pledgeTable, "received", "withdrawn"),
		"donation":        newMachine("received", donationTable, "refunded"),
		"purchase":        newMachine("draft", purchaseTable, "dropped"),
		"allocation":      newMachine("planned", allocationTable, "dropped"),
		"household_visit": newMachine("listed", householdVisitTable, "redacted"),
		"consent":         newMachine("given", consentTable, "ended"),
	}
}

// milestones are the states that others rest on (DOMAIN §1.2), by workflow.
func milestones() map[string][]string {
	return map[string][]string{
		"neighbourhood": {"approved", "accepted"},
		"recruit":       {"formed"},
		"train":         {"signed_off"},
		"fundraise":     {"reconciled", "published"},
		"visit":         {"completed"},
		"event":         {"in_progress", "closed"},
		"recognise":     {"awarded"},
	}
}

// takesBack are the events that take a milestone back (PRACTICE, "Ways back").
func takesBack() map[[2]string]string {
	return map[[2]string]string{
		{"fundraise", "back_to_purchase"}:        "reconciled",
		{"fundraise", "correct"}:                 "published",
		{"neighbourhood", "return"}:              "approved",
		{"neighbourhood", "withdraw_acceptance"}: "accepted",
	}
}

// checkers are the events that somebody else than the decider of an earlier one decides (maker ≠ checker).
func checkers() map[[2]string]string {
	return map[[2]string]string{
		{"fundraise", "approve"}:      "submit",
		{"fundraise", "publish"}:      "reconcile",
		{"recognise", "announce"}:     "submit",
		{"recognise", "confirm"}:      "submit",
		{"purchase", "approve"}:       "request",
		{"purchase", "approve_above"}: "request",
		{"purchase", "pay"}:           "request",
		{"neighbourhood", "accept"}:   "close",
	}
}

// paths are the events that a back-filled activity would have gone through from its first state.
func paths() map[[2]string][]string {
	return map[[2]string][]string{
		{"neighbourhood", "running"}: {"approve", "start"},
		{"recruit", "formed"}:        {"publish", "close_intake", "form"},
		{"train", "attendance"}:      {"schedule", "start", "finish"},
		{"train", "signed_off"}:      {"schedule", "start", "finish", "sign_off"},
		{"fundraise", "open"}:        {"submit", "approve"},
		{"fundraise", "closed"}:      {"submit", "approve", "close"},
		{"fundraise", "purchasing"}:  {"submit", "approve", "close", "start_purchase"},
		{"fundraise", "reconciled"}:  {"submit", "approve", "close", "start_purchase", "reconcile"},
		{"visit", "in_progress"}:     {"assign", "start"},
		{"visit", "follow_up"}:       {"assign", "start", "finish_round"},
		{"visit", "completed"}:       {"assign", "start", "finish_round", "complete"},
		{"event", "wrap_up"}:         {"quick_record"},
		{"event", "closed"}:          {"quick_record", "close"},
		{"recognise", "awarded"}:     {"lock_hours", "submit", "announce", "confirm", "award"},
	}
}

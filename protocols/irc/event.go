package irc

import "time"

// An Event is something that the server told us: a pointer to one of the
// structs below. Strings are valid UTF-8; what is not becomes U+FFFD.
type Event interface{ event() }

// incomparable, as a field, keeps the compiler from making a function that
// compares two values of a type. Nobody compares events, and the functions are
// 19 KB of a module.
type incomparable [0]func()

// Meta is what a line says about itself.
type Meta struct {
	_ incomparable
	// Time is the server's (the server-time capability), else when the line
	// arrived.
	Time time.Time
	// Tags are the line's message tags.
	Tags Tags
	// Batch is the batch that the line came in, nil for none. A netsplit is a
	// batch of Quits (Type "netsplit", Params two servers), its end one of Joins
	// ("netjoin").
	Batch *Batch
	// History says that this is not happening now: it is played back from the
	// server's history, and has changed nothing of the session's state.
	History bool

	known *knownTags // of Tags; nil for an event of our own making
}

// Stamped tells that the tag "time" is Time to the letter, as iso8601.Format
// writes it.
func (m *Meta) Stamped() bool { return m.known != nil && m.known.stamped }

// ID is the message's identifier (msgid), or empty.
func (m *Meta) ID() string {
	if m.known == nil {
		return ""
	}
	return m.known.id
}

// Account is the sender's account (account-tag); empty where it has none, or
// the server does not tell.
func (m *Meta) Account() string {
	if m.known == nil {
		return ""
	}
	return m.known.account
}

// Bot tells that the sender is a program (ircv3.net/specs/extensions/bot-mode).
func (m *Meta) Bot() bool { return m.known != nil && m.known.bot }

// Batch is what a batch of lines has in common.
type Batch struct {
	ID     string // as the server has named it, for as long as the batch is open
	Type   string // such as "netsplit"; "draft/" is left out
	Params []string
}

// Message is a PRIVMSG. Formatting is in the text: see Format. A message of
// several lines (multiline) is one, with line feeds.
type Message struct {
	Meta
	// Nick is the sender, or a server's name; User and Host may be empty.
	Nick, User, Host string
	// Target is a channel, or our own nick, or whom we have written to.
	Target, Text string
	// Channel is Target without the sign of those whom it is for ("@#kaios");
	// empty where Target is a person.
	Channel string
	// Spans are what Format makes of Text; nil where it is all of one piece, with
	// nothing to it.
	Spans []Span
	// Action says that this is CTCP ACTION ("/me"), and Text what is done.
	Action bool
	// Own says that we have said this, here or on another device.
	Own bool
	// Truncated says that there was more than we can hold.
	Truncated bool
}

// Notice is a NOTICE, which must never be answered by a program.
type Notice Message

// TagMsg is a TAGMSG that is neither a Typing nor a Reaction.
type TagMsg struct {
	Meta
	Nick, Target string
	Own          bool
}

// Typing tells what Nick is doing in Target: "active", "paused" or "done".
// Without another one, "active" is over after 6 seconds and "paused" after 30.
type Typing struct {
	Meta
	Nick, Target, State string
}

// Reaction tells that Nick has reacted to the message To, or has taken that
// back.
type Reaction struct {
	Meta
	Nick, Target, To, Reaction string
	Removed, Own               bool
}

// Redaction tells that Nick has deleted the message Redacted.
type Redaction struct {
	Meta
	Nick, Target, Redacted, Reason string
}

// CTCP is a client-to-client query or the answer to one of ours, ACTION apart.
type CTCP struct {
	Meta
	Nick, Target  string
	Command, Text string
	Reply         bool
}

// Join tells that Nick, who may be us, has entered Channel.
type Join struct {
	Meta
	Nick, Channel string
	User, Host    string
	// Account and Realname are known with the extended-join capability;
	// Account is empty for who is not logged in.
	Account, Realname string
	Own               bool
}

// Part tells that Nick, who may be us, has left Channel.
type Part struct {
	Meta
	Nick, Channel, Reason string
	Own                   bool
}

// Quit tells that Nick has left the network, and Channels that both of us were
// in.
type Quit struct {
	Meta
	Nick, Reason string
	Channels     []string
}

// NickChange tells that Nick is now called NewNick; Own, that it is us.
type NickChange struct {
	Meta
	Nick, NewNick string
	Own           bool
	Channels      []string // that both of us are in
}

// Kick tells that By has removed Nick, who may be us, from Channel.
type Kick struct {
	Meta
	Nick, Channel, By, Reason string
	Own                       bool
}

// Topic tells the topic of Channel. Nick has just set it; where Nick is empty
// this is the topic as we found it.
type Topic struct {
	Meta
	Channel, Topic, Nick string
}

// Names is the whole list of who is in Channel.
type Names struct {
	Channel string
	Names   []Name
	// Truncated says that the list was longer than we can hold.
	Truncated bool
}

// Name is somebody in a channel.
type Name struct {
	// Prefix holds the signs of rank, highest first: "@", "+", "@+" or none.
	Prefix, Nick string
	// User and Host are known with the userhost-in-names capability.
	User, Host string
}

// String is the name as lists show it, such as "@alice".
func (n Name) String() string { return n.Prefix + n.Nick }

// Mode tells that Nick (a person or a server) has changed the modes of Target,
// such as "+o alice".
type Mode struct {
	Meta
	Target, Nick, Modes string
	Changes             []ModeChange
}

// ModeChange is one of the changes of a Mode.
type ModeChange struct {
	Set  bool
	Mode byte
	Arg  string // empty where the mode takes none
}

// Invite tells that Nick has invited Target, who may be us, to Channel.
type Invite struct {
	Meta
	Nick, Target, Channel string
}

// Away tells that Nick is away (Away, and Text why) or back.
type Away struct {
	Meta
	Nick, Text string
	Away       bool
}

// Account tells that Nick has logged in to Account, or out where it is empty.
type Account struct {
	Meta
	Nick, Account string
}

// Host tells that Nick has another user name or host now.
type Host struct {
	Meta
	Nick, User, Host string
}

// Realname tells that Nick has another real name now.
type Realname struct {
	Meta
	Nick, Realname string
}

// Presence tells which of the people of Monitor have come or gone.
type Presence struct {
	Online bool
	Nicks  []string
}

// ReadMarker tells up to when Target has been read, on any of our devices; the
// zero time where it has not been.
type ReadMarker struct {
	Target string
	Read   time.Time
}

// Reply is a standard reply that no call of ours was waiting for
// (ircv3.net/specs/extensions/standard-replies).
type Reply struct {
	Meta
	Kind    string // "FAIL", "WARN" or "NOTE"
	Command string // that it is about; "*" for none
	Code    string
	Context []string
	Text    string
}

// Network tells of a network of the bouncer; Gone, that it has been removed.
type Network struct {
	ID string
	// Attributes are such as "name", "state", "host"; only what has changed.
	Attributes Tags
	Gone       bool
}

// Capabilities tells that the server has granted or withdrawn capabilities.
type Capabilities struct{ Names []string }

// Features tells that the server has announced features anew.
type Features struct{ All map[string]string }

// Raw is every line that is no other event, numerics among them. PING and the
// PONG of our own PING are not told.
type Raw struct {
	Meta
	// Command is in capitals, or a three-digit numeric.
	Command string
	Params  []string
	// Prefix is who sent it: a server, or nick!user@host. It may be empty.
	Prefix string
}

// Closed is the last event. Err is nil after Close and Quit.
type Closed struct{ Err error }

func (*Message) event()      {}
func (*Notice) event()       {}
func (*TagMsg) event()       {}
func (*Typing) event()       {}
func (*Reaction) event()     {}
func (*Redaction) event()    {}
func (*CTCP) event()         {}
func (*Join) event()         {}
func (*Part) event()         {}
func (*Quit) event()         {}
func (*NickChange) event()   {}
func (*Kick) event()         {}
func (*Topic) event()        {}
func (*Names) event()        {}
func (*Mode) event()         {}
func (*Invite) event()       {}
func (*Away) event()         {}
func (*Account) event()      {}
func (*Host) event()         {}
func (*Realname) event()     {}
func (*Presence) event()     {}
func (*ReadMarker) event()   {}
func (*Reply) event()        {}
func (*Network) event()      {}
func (*Capabilities) event() {}
func (*Features) event()     {}
func (*Raw) event()          {}
func (*Closed) event()       {}

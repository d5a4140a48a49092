package irc

import "time"

// An Event is something that the server told us: a pointer to one of the
// structs below. Strings are valid UTF-8; what is not becomes U+FFFD.
type Event interface{ event() }

// Message is a PRIVMSG. CTCP queries other than ACTION are Raw.
type Message struct {
	// Nick is the sender, or a server's name; User and Host may be empty.
	Nick, User, Host string
	// Target is a channel, or our own nick.
	Target, Text string
	// Time is the server's (the server-time capability), else when the line
	// arrived.
	Time time.Time
	// Tags are the line's message tags, unescaped; nil where it has none.
	Tags map[string]string
	// Action says that this is CTCP ACTION ("/me"), and Text what is done.
	Action bool
}

// Notice is a NOTICE, which must never be answered by a program.
type Notice Message

// Join tells that Nick, who may be us, has entered Channel.
type Join struct {
	Nick, Channel string
	// Account and Realname are known with the extended-join capability;
	// Account is empty for who is not logged in.
	Account, Realname string
}

// Part tells that Nick, who may be us, has left Channel.
type Part struct{ Nick, Channel, Reason string }

// Quit tells that Nick has left the network.
type Quit struct{ Nick, Reason string }

// NickChange tells that Nick is now called NewNick; Own, that it is us.
type NickChange struct {
	Nick, NewNick string
	Own           bool
}

// Kick tells that By has removed Nick, who may be us, from Channel.
type Kick struct{ Nick, Channel, By, Reason string }

// Topic tells the topic of Channel. Nick has just set it; where Nick is empty
// this is the topic as we found it.
type Topic struct{ Channel, Topic, Nick string }

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
type Mode struct{ Target, Nick, Modes string }

// Raw is every line that is no other event, numerics among them. PING and the
// PONG of our own PING are not told.
type Raw struct {
	// Command is in capitals, or a three-digit numeric.
	Command string
	Params  []string
	// Prefix is who sent it: a server, or nick!user@host. It may be empty.
	Prefix string
	Tags   map[string]string
}

// Closed is the last event. Err is nil after Close and Quit.
type Closed struct{ Err error }

func (*Message) event()    {}
func (*Notice) event()     {}
func (*Join) event()       {}
func (*Part) event()       {}
func (*Quit) event()       {}
func (*NickChange) event() {}
func (*Kick) event()       {}
func (*Topic) event()      {}
func (*Names) event()      {}
func (*Mode) event()       {}
func (*Raw) event()        {}
func (*Closed) event()     {}

package ircserver

import "slices"

// talk is what the bots say, over and over.
var talk = []struct {
	channel, topic string
	lines          [][2]string // who, what
}{
	{"#kaios", "Phones with keys, and what runs on them", [][2]string{
		{"amara", "Does anybody else still get three days out of one charge?"},
		{"tomas", "Four, if I leave the radio app alone."},
		{"amara", "My nephew asked where the touch screen went."},
		{"li", "New build of my podcast player is up. Left soft key is pause now."},
		{"tomas", "Thank you! I kept deleting episodes with it."},
		{"li", "So did everyone in the tests, myself included."},
	}},
	{"#cooking", "What is on the stove?", [][2]string{
		{"noor", "Lentils again. The trick is to toast the cumin first."},
		{"bruno", "How long? Mine always turns bitter."},
		{"noor", "Until you can smell it from the door, and not a moment more."},
		{"bruno", "Then I have been twenty seconds late for ten years."},
		{"mei", "Put a slice of lemon in at the end ‒ it forgives a lot. 🍋"},
	}},
	{"#cricket", "Scores, weather, and old arguments", [][2]string{
		{"ravi", "Rain has stopped, covers are coming off."},
		{"sana", "They will bowl first on that, surely."},
		{"ravi", "Toss won, and they bat. I give up."},
		{"dev", "40 for 3 after nine overs. You were saying, sana?"},
		{"sana", "I say nothing. I only brought tea."},
	}},
}

// startTalk puts the bots into their channels and, where there are ticks, has
// them speak in turn.
func (s *Server) startTalk() {
	for _, t := range talk {
		ch := &channel{name: t.channel, topic: t.topic, ops: map[*client]bool{}}
		for _, l := range t.lines {
			bot := s.nicks[l[0]]
			if bot == nil {
				bot = &client{server: s, nick: l[0], user: "bot", realname: "A bot", registered: true, hostname: host, bot: true}
				s.nicks[bot.nick] = bot
			}
			if !slices.Contains(ch.members, bot) {
				ch.members = append(ch.members, bot)
			}
		}
		ch.ops[ch.members[0]] = true
		s.channels[t.channel] = ch
	}
	if s.o.Ticks == nil {
		return
	}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		for n := 0; ; n++ {
			select {
			case <-s.stop:
				return
			case <-s.o.Ticks:
			}
			t := talk[n%len(talk)]
			l := t.lines[n/len(talk)%len(t.lines)]
			s.mu.Lock()
			bot := s.nicks[l[0]]
			bot.message(bot.says("PRIVMSG", t.channel, l[1]))
			s.mu.Unlock()
		}
	}()
}

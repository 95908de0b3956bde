// Calls every method of Serf's own client package on a cluster of two agents, and prints one line
// of JSON for each call: what it was, what came back, and which error.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/logutils"
	"github.com/hashicorp/serf/client"
)

// However an agent behaves, the run ends by then.
const limit = 60 * time.Second

type outcome struct {
	Call  string      `json:"call"`
	Value interface{} `json:"value"`
	Error string      `json:"error"`
}

func report(call string, value interface{}, err error) {
	text := ""
	if err != nil {
		text = err.Error()
		value = nil
	}
	line, broken := json.Marshal(outcome{call, value, text})
	if broken != nil {
		panic(broken)
	}
	fmt.Println(string(line))
}

func must(call string, err error) {
	if err != nil {
		report(call, nil, err)
		os.Exit(1)
	}
}

// Asks again until the answer is as wanted: what travels by gossip takes its time.
func eventually(call string, ask func() (interface{}, bool, error)) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		value, done, err := ask()
		if done || err != nil || time.Now().After(end) {
			report(call, value, err)
			return
		}
	}
}

// The Go type of every field of a record, beside its value where that is the same on every run.
func shape(record map[string]interface{}) map[string]string {
	fields := map[string]string{}
	for name, value := range record {
		fields[name] = fmt.Sprintf("%T", value)
		switch known := value.(type) {
		case string, bool:
			fields[name] += fmt.Sprintf(" %v", known)
		case []byte:
			fields[name] += fmt.Sprintf(" %q", known)
		}
	}
	return fields
}

func nextRecord(call string, records <-chan map[string]interface{}) map[string]interface{} {
	select {
	case record, open := <-records:
		if !open {
			report(call, "closed", nil)
			return nil
		}
		report(call, shape(record), nil)
		return record
	case <-time.After(10 * time.Second):
		report(call, "nothing came", nil)
		return nil
	}
}

type session struct {
	main, peer         *client.RPCClient
	mainName, peerName string
}

func (s session) statuses() (map[string]string, error) {
	members, err := s.main.Members()
	found := map[string]string{}
	for _, member := range members {
		found[member.Name] = member.Status
	}
	return found, err
}

func (s session) untilStatus(call string, wanted string) {
	eventually(call, func() (interface{}, bool, error) {
		found, err := s.statuses()
		return found, found[s.mainName] == "alive" && found[s.peerName] == wanted, err
	})
}

func connections(addr, token string) {
	_, err := client.ClientFromConfig(&client.Config{Addr: addr, AuthKey: "wrong"})
	report("ClientFromConfig with a wrong token", nil, err)
	bare, err := client.NewRPCClient(addr)
	must("NewRPCClient without a token", err)
	_, err = bare.Members()
	report("Members without a token", nil, err)
	_, err = bare.Stats()
	report("Stats without a token", nil, err)
	report("UserEvent without a token", nil, bare.UserEvent("deploy", nil, false))
	report("IsClosed after refusals", bare.IsClosed(), nil)
	report("Close without a token", nil, bare.Close())
	_, err = bare.Members()
	report("Members after Close", nil, err)
	report("IsClosed after Close", bare.IsClosed(), nil)
	config := &client.Config{Addr: addr, AuthKey: token, Timeout: 3 * time.Second}
	patient, err := client.ClientFromConfig(config)
	must("ClientFromConfig with a timeout", err)
	_, err = patient.MembersFiltered(nil, "(", "")
	report("MembersFiltered by what is no pattern", nil, err)
	must("Close", patient.Close())
}

func (s session) membership(peerGossip, nobody string) {
	count, err := s.main.Join([]string{nobody}, false)
	report("Join where nobody is", count, err)
	count, err = s.main.Join([]string{peerGossip}, false)
	report("Join", count, err)
	count, err = s.main.Join([]string{nobody, peerGossip}, true)
	report("Join where one answers, with replay", count, err)
	s.untilStatus("Members after Join", "alive")
	report("UpdateTags", nil, s.peer.UpdateTags(map[string]string{"role": "web", "a": "1"}, nil))
	report("UpdateTags with deletions", nil,
		s.peer.UpdateTags(map[string]string{"b": "x=y"}, []string{"a", "absent"}))
	report("UpdateTags beyond the limit", nil,
		s.peer.UpdateTags(map[string]string{"long": strings.Repeat("x", 600)}, nil))
	eventually("Members", func() (interface{}, bool, error) {
		members, err := s.main.Members()
		sort.Slice(members, func(i, j int) bool { return members[i].Name < members[j].Name })
		return members, len(members) == 2 && members[1].Tags["b"] == "x=y", err
	})
	filters := []struct {
		call, status, name string
		tags               map[string]string
	}{
		{"all", "", "", nil},
		{"a tag", "", "", map[string]string{"role": "w.b"}},
		{"half a tag", "", "", map[string]string{"role": "we"}},
		{"a tag nobody has", "", "", map[string]string{"none": ".+"}},
		{"a status", "alive", "", nil},
		{"a status nobody has", "failed", "", nil},
		{"a name", "", s.peerName, nil},
		{"half a name", "", s.peerName[:2], nil},
		{"all three", "a.*", s.peerName, map[string]string{"role": "web"}},
	}
	for _, filter := range filters {
		members, err := s.main.MembersFiltered(filter.tags, filter.status, filter.name)
		names := []string{}
		for _, member := range members {
			names = append(names, member.Name)
		}
		sort.Strings(names)
		report("MembersFiltered by "+filter.call, names, err)
	}
}

func (s session) events() {
	deploys := make(chan map[string]interface{}, 16)
	handle, err := s.peer.Stream("user:deploy", deploys)
	report("Stream", nil, err)
	changes := make(chan map[string]interface{}, 16)
	_, err = s.peer.Stream("member-update", changes)
	report("Stream of member events", nil, err)
	_, err = s.peer.Stream("nonsense", make(chan map[string]interface{}, 1))
	report("Stream of what is no filter", nil, err)
	report("UserEvent of another name", nil, s.main.UserEvent("other", nil, false))
	report("UserEvent", nil, s.main.UserEvent("deploy", []byte("v1\x00\xff"), false))
	nextRecord("the event", deploys)
	report("UserEvent without payload", nil, s.main.UserEvent("deploy", nil, false))
	nextRecord("the event without payload", deploys)
	report("UserEvent with coalescing", nil, s.main.UserEvent("deploy", []byte("v2"), true))
	nextRecord("the coalesced event", deploys)
	report("UserEvent beyond the limit", nil, s.main.UserEvent("deploy", make([]byte, 600), false))
	report("UpdateTags while followed", nil,
		s.peer.UpdateTags(map[string]string{"c": "3"}, nil))
	nextRecord("the member event", changes)
	report("Stop", nil, s.peer.Stop(handle))
	_, open := <-deploys
	report("the stopped stream is open", open, nil)
	report("Stop of what never was", nil, s.peer.Stop(4711))
}

func (s session) monitor() {
	lines := make(chan string, 600)
	handle, err := s.main.Monitor(logutils.LogLevel("debug"), lines)
	report("Monitor", nil, err)
	line := <-lines
	report("a log line ends with a newline", strings.HasSuffix(line, "\n"), nil)
	_, err = s.main.Monitor(logutils.LogLevel("INFO"), make(chan string, 1))
	report("Monitor twice", nil, err)
	report("Stop of the monitor", nil, s.main.Stop(handle))
	_, err = s.peer.Monitor(logutils.LogLevel("loud"), make(chan string, 1))
	report("Monitor at an unknown level", nil, err)
}

func (s session) query(call string, param client.QueryParam) {
	acks := make(chan string, 16)
	responses := make(chan client.NodeResponse, 16)
	if param.RequestAck {
		param.AckCh = acks
	}
	param.RespCh = responses
	if param.Timeout == 0 {
		param.Timeout = time.Second
	}
	if err := s.main.Query(&param); err != nil {
		report(call, nil, err)
		return
	}
	from, answers := []string{}, map[string]string{}
	// The client fills the channels with what is empty now and then when the query is over.
	for response := range responses {
		if response.From != "" {
			answers[response.From] = string(response.Payload)
		}
	}
	if param.RequestAck {
		for name := range acks {
			if name != "" {
				from = append(from, name)
			}
		}
	}
	sort.Strings(from)
	report(call, map[string]interface{}{"acks": from, "responses": answers}, nil)
}

func (s session) queries() {
	questions := make(chan map[string]interface{}, 16)
	_, err := s.peer.Stream("query:load", questions)
	report("Stream of queries", nil, err)
	answered := make(chan error, 16)
	go func() {
		for question := range questions {
			id, _ := question["ID"].(int64)
			answered <- s.peer.Respond(uint64(id), []byte("answer\n"))
			answered <- s.peer.Respond(uint64(id), []byte("again"))
		}
	}()
	peer := []string{s.peerName}
	s.query("Query", client.QueryParam{Name: "load", Payload: []byte("now"), RequestAck: true})
	for _, call := range []string{"Respond", "Respond a second time"} {
		select {
		case err := <-answered:
			report(call, nil, err)
		default:
			report(call, "no question came", nil)
		}
	}
	s.query("Query without acks", client.QueryParam{Name: "load"})
	s.query("Query to a node", client.QueryParam{Name: "load", FilterNodes: peer, RequestAck: true})
	s.query("Query to a tag", client.QueryParam{
		Name: "load", FilterTags: map[string]string{"role": "we"}, RequestAck: true})
	s.query("Query to nobody", client.QueryParam{
		Name: "load", FilterNodes: []string{"nobody"}, RequestAck: true})
	s.query("Query with relays", client.QueryParam{Name: "load", RelayFactor: 1, RequestAck: true})
	s.query("Query of who is there", client.QueryParam{Name: "_serf_ping", RequestAck: true})
	s.query("Query with an internal name", client.QueryParam{Name: "_serf_other"})
	s.query("Query beyond the limit", client.QueryParam{Name: "load", Payload: make([]byte, 1100)})
	report("Respond to what nobody asked", nil, s.peer.Respond(4711, []byte("x")))
}

func (s session) keys(first, second string) {
	list := func(call string) {
		keys, nodes, messages, err := s.main.ListKeys()
		report(call, map[string]interface{}{"keys": keys, "nodes": nodes, "messages": messages}, err)
		if err != nil {
			report("messages of "+call, messages, nil)
		}
	}
	change := func(call string, ask func(string) (map[string]string, error), key string) {
		messages, err := ask(key)
		report(call, messages, err)
		if err != nil {
			report("messages of "+call, messages, nil)
		}
	}
	list("ListKeys")
	change("InstallKey", s.main.InstallKey, second)
	change("InstallKey again", s.main.InstallKey, second)
	list("ListKeys after InstallKey")
	change("UseKey", s.main.UseKey, second)
	change("RemoveKey of the primary key", s.main.RemoveKey, second)
	change("RemoveKey", s.main.RemoveKey, first)
	list("ListKeys after RemoveKey")
	change("UseKey of a removed key", s.main.UseKey, first)
	change("RemoveKey of a removed key", s.main.RemoveKey, first)
	change("InstallKey of a key too short", s.main.InstallKey, "c2hvcnQ=")
	change("InstallKey of what is no base64", s.main.InstallKey, "???")
}

func (s session) state() {
	stats, err := s.main.Stats()
	sections := map[string][]string{}
	for section, values := range stats {
		for name := range values {
			sections[section] = append(sections[section], name)
		}
		sort.Strings(sections[section])
	}
	report("Stats", sections, err)
	serf := stats["serf"]
	report("counts of Stats",
		[]string{serf["members"], serf["failed"], serf["left"], serf["encrypted"]}, nil)
	for _, name := range []string{s.mainName, s.peerName} {
		eventually("GetCoordinate of "+name, func() (interface{}, bool, error) {
			found, err := s.main.GetCoordinate(name)
			if found == nil {
				return nil, false, err
			}
			sane := found.IsValid() && found.Error > 0 && found.Error <= 1.5
			return map[string]interface{}{"dimensions": len(found.Vec), "sane": sane}, true, err
		})
	}
	unknown, err := s.main.GetCoordinate("nobody")
	report("GetCoordinate of nobody", unknown, err)
}

// contradicted is what the peer counts as once it could deny that it leaves.
func (s session) departures(contradicted string) {
	report("ForceLeave of nobody", nil, s.main.ForceLeave("nobody"))
	report("ForceLeavePrune of nobody", nil, s.main.ForceLeavePrune("nobody"))
	report("ForceLeave of who is alive", nil, s.main.ForceLeave(s.peerName))
	// A Serf agent sends no intent when nobody else counts as alive, and the peer never hears of it.
	s.untilStatus("Members after ForceLeave", contradicted)
	report("Leave of the peer", nil, s.peer.Leave())
	s.untilStatus("Members after Leave", "left")
	report("ForceLeavePrune of who left", nil, s.main.ForceLeavePrune(s.peerName))
	s.untilStatus("Members after ForceLeavePrune", "")
	report("Leave", nil, s.main.Leave())
	report("Close", nil, s.main.Close())
	report("Close twice", nil, s.main.Close())
	report("IsClosed", s.main.IsClosed(), nil)
	report("Leave after Close", nil, s.main.Leave())
}

func main() {
	mainRpc := flag.String("main", "", "RPC address of the agent that wants the token")
	peerRpc := flag.String("peer", "", "RPC address of the agent that wants none")
	peerGossip := flag.String("peer-gossip", "", "where the peer can be joined")
	nobody := flag.String("nobody", "", "an address where nobody listens")
	token := flag.String("token", "", "what the first agent wants")
	first := flag.String("first", "", "the key of the cluster")
	second := flag.String("second", "", "the key to rotate to")
	contradicted := flag.String("contradicted", "", "the status of who is forced to leave and is here")
	flag.Parse()
	time.AfterFunc(limit, func() {
		report("everything in time", nil, fmt.Errorf("not within %s", limit))
		os.Exit(1)
	})
	connections(*mainRpc, *token)
	main, err := client.ClientFromConfig(&client.Config{Addr: *mainRpc, AuthKey: *token})
	must("ClientFromConfig", err)
	peer, err := client.NewRPCClient(*peerRpc)
	must("NewRPCClient", err)
	s := session{main, peer, "main", "peer"}
	s.membership(*peerGossip, *nobody)
	s.events()
	s.monitor()
	s.queries()
	s.keys(*first, *second)
	s.state()
	s.departures(*contradicted)
}

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
)

// A gate lets one writing command at a time through to the server.
//
// MongoDB changes a document in one step. FerretDB 1.24 reads it, changes the copy and writes that
// back, in three steps between which others do the same: of two $inc at once one may be lost, and
// of two compare-and-swaps both may win. Behind the gate they can't.
type gate struct {
	server string
	writes sync.Mutex
}

var writing = map[string]bool{
	"insert": true, "update": true, "delete": true, "findAndModify": true, "findandmodify": true,
	"create": true, "createIndexes": true, "drop": true, "dropDatabase": true,
}

func (g *gate) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go g.pass(client)
	}
}

// pass brings a client's messages to the server and the answers back, one after the other.
func (g *gate) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", g.server)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	for {
		message, err := read(client)
		if err != nil {
			return // the client has gone
		}
		answer, err := g.ask(server, message)
		if err != nil {
			log.Print(err)
			return
		}
		if _, err = client.Write(answer); err != nil {
			return
		}
	}
}

func (g *gate) ask(server net.Conn, message []byte) ([]byte, error) {
	if writing[command(message)] {
		g.writes.Lock()
		defer g.writes.Unlock()
	}
	if _, err := server.Write(message); err != nil {
		return nil, err
	}
	return read(server)
}

const (
	headerSize  = 16
	opMsg       = 2013
	longest     = 48_000_000
	commandName = headerSize + 4 + 1 + 4 + 1 // flags, kind of section, size of document, type
)

// read reads one message of the wire protocol: int32 length of all, request, answered, code; body.
func read(from io.Reader) ([]byte, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header)
	if size < headerSize || size > longest {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	message := append(header, make([]byte, size-headerSize)...)
	_, err := io.ReadFull(from, message[headerSize:])
	return message, err
}

// command returns the name of a message's command: the first key of its document.
func command(message []byte) string {
	if binary.LittleEndian.Uint32(message[12:]) != opMsg || len(message) <= commandName {
		return ""
	}
	name, _, _ := bytes.Cut(message[commandName:], []byte{0})
	return string(name)
}

// Command ferretdb is the MongoDB that tests start: FerretDB over SQLite files in a folder, behind
// a gate that makes its writes atomic. It listens on a port of its own choice, which it prints:
//
//	$ ferretdb -folder DIR
//	ready mongodb://127.0.0.1:41327/
//
// It ends when its standard input does, so it never outlives whoever started it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	folder := flag.String("folder", "", "where the databases are; it exists")
	flag.Parse()
	server, err := start(*folder)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go (&gate{server: server}).serve(listener)
	fmt.Printf("ready mongodb://%s/\n", listener.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// start runs FerretDB until the process ends, and returns its address. Nobody who kills this
// process looks at its files again, so they are not synchronised.
func start(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	files := url.URL{Scheme: "file", Path: folder + "/", OmitHost: true}
	files.RawQuery = url.Values{"_pragma": {"synchronous(off)"}}.Encode()
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	database, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:    quiet,
		Handler:   "sqlite",
		SQLiteURL: files.String(),
	})
	if err != nil {
		return "", err
	}
	go database.Run(context.Background())
	address, err := url.Parse(database.MongoDBURI())
	if err != nil {
		return "", err
	}
	return address.Host, nil
}

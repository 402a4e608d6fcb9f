// go.go - the same answer by Go's net/http, as its manual shows it.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
)

var body = []byte("Hello, world\n")

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write(body)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(hello)))
}

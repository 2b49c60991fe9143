// Command deployment reads what is in deploy/ with the code of those who will run it, without
// running it: Docker's parser and linter, Compose's loader, Helm's linter and templates, and the
// types of Kubernetes. What it read it prints as JSON; faults go to standard error, with status 1.
//
//	$ deployment dockerfile FILE                  [{"base": "…", "name": "…", "steps": ["…"]}]
//	$ deployment compose FILE PROFILE [NAME=VALUE]…       the project, with all defaults filled in
//	$ deployment chart FOLDER < values.yaml       [{"apiVersion": …, "kind": …}]
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

func main() {
	read, err := read(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(read)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(args []string) (any, error) {
	switch {
	case len(args) == 2 && args[0] == "dockerfile":
		return readDockerfile(args[1])
	case len(args) >= 3 && args[0] == "compose":
		return readCompose(args[1], args[2], args[3:])
	case len(args) == 2 && args[0] == "chart":
		return readChart(args[1], os.Stdin)
	}
	return nil, errors.New("dockerfile FILE, compose FILE PROFILE [NAME=VALUE]…, or chart FOLDER")
}

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

type stage struct {
	Base  string   `json:"base"`
	Name  string   `json:"name"`
	Steps []string `json:"steps"`
}

// readDockerfile returns the stages of an image's recipe; a warning is a fault.
func readDockerfile(path string) ([]stage, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, warning := range parsed.Warnings {
		faults = append(faults, errors.New(warning.Short))
	}
	warn := func(rule, _, _, said string, where []parser.Range) {
		faults = append(faults, fmt.Errorf("%s:%v: %s: %s", path, where, rule, said))
	}
	strict := linter.New(&linter.Config{Warn: warn, ExperimentalAll: true})
	found, _, err := instructions.Parse(parsed.AST, strict)
	if err != nil {
		return nil, err
	}
	var stages []stage
	for _, each := range found {
		of := stage{Base: each.BaseName, Name: each.Name}
		for _, command := range each.Commands {
			of.Steps = append(of.Steps, fmt.Sprint(command))
		}
		stages = append(stages, of)
	}
	return stages, errors.Join(faults...)
}

// A second program of the module, which is not the function.
package main

func main() {}

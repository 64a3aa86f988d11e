"""AWS as fault injection simulates it: tables, bus, topic and clocks in memory, where any call can crash."""

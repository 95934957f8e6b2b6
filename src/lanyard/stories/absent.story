# Whoever is absent is named once, and asked for again: after half a minute, then twice that, up to ten minutes.
ids, resync 0s

0s want 1 2 3
    connect (at 0.0s)
0s opened
0s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2","3"]}}
1s init 1
    note: Subscribed
    tell: Connected
    note: never seen: 2 3
    tell: snapshot ends, absent: 2 3
29s update 1
    send {"op":2,"d":{"subscribe_to_ids":["2","3"]}}
then tick
    ping (at 49.0s)
30s init
    tell: snapshot ends, absent: 2 3
49s update 1
70s update 1
then tick
    send {"op":2,"d":{"subscribe_to_ids":["2","3"]}}
80s init 3
    note: Found { person: UserId(3) }
    tell: snapshot ends, absent: 2
# One who was seen before, and is absent after a reconnect, is told apart from one never seen.
90s eof
    tell: Disconnected
    drop
    note: lost (the connection ended without a close frame (1006)), failure 1, again at 90.9s
then tick
    connect (at 90.9s)
92s opened
92s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2","3"]}}
93s init 1
    note: Subscribed
    tell: Connected
    note: gone missing: 3
    tell: snapshot ends, absent: 2 3
100s update 3
    note: Found { person: UserId(3) }
101s leave
    close

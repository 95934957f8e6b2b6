# While we do not read, silence proves nothing; heartbeats go on.
ids, resync 0s

0s want 1
    connect (at 0.0s)
0s opened
14s deaf
28s deaf
42s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
60s deaf
80s deaf
    heartbeat (at 80.0s)
110s deaf
    heartbeat (at 110.0s)
140s deaf
    heartbeat (at 140.0s)
150s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
160s leave
    close

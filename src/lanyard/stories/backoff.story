# Twice as long after each failure; only a connection that lived for a minute makes the next failure the first.
ids, resync 0s

0s want 1
    connect (at 0.0s)
0s failed no route
    note: cannot connect (no route), failure 1, again at 0.8s
then tick
    connect (at 0.8s)
1s failed no route
    note: cannot connect (no route), failure 2, again at 2.7s
then tick
    connect (at 2.7s)
4s failed no route
    note: cannot connect (no route), failure 3, again at 7.9s
then tick
    connect (at 7.9s)
8s opened
8s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
9s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
20s eof
    tell: Disconnected
    drop
    note: lost (the connection ended without a close frame (1006)), failure 4, again at 25.8s
then tick
    connect (at 25.8s)
30s opened
30s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
31s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
50s update 1
70s update 1
89s update 1
90s eof
    tell: Disconnected
    drop
    note: lost (the connection ended without a close frame (1006)), failure 1, again at 90.9s
then tick
    connect (at 90.9s)
91s leave
    drop

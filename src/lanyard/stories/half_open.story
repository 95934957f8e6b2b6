# A connection that is dead and does not know it: noticed within 45 s, also while a small question is open.
ids, resync 0s

0s want 1
    connect (at 0.0s)
0s opened
0s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
1s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
then tick
    ping (at 21.0s)
then tick
    heartbeat (at 30.0s)
then tick
    tell: Disconnected
    drop
    note: lost (nothing came for 40 s, not even a Pong), failure 1, again at 41.9s
then tick
    connect (at 41.9s)
45s opened
45s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
then tick
    ping (at 65.0s)
then tick
    drop
    note: lost (nothing came for 40 s, not even a Pong), failure 2, again at 86.4s

# What comes at the wrong moment does no harm.
ids, resync 0s

0s hello 30s
    connect (at 0.0s)
0s init 1
0s eof
0s want 1
0s opened
0s opened
0s failed late
0s init 1
1s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
1s hello 10s
2s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
2s init 9
    tell: snapshot ends, absent: nobody
3s update 9
then tick
    ping (at 9.7s)
13s closed 4005
    tell: Disconnected
    drop
    note: refused 4005, again at 274.9s
13s closed 1000
14s leave
15s closed 1000
15s leave

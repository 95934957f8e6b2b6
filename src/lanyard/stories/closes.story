# Each way to end: most are answered with a reconnect, our own mistakes with a long pause.
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
2s closed 1000
    tell: Disconnected
    drop
    note: lost (the server closed it in good order (1000)), failure 1, again at 2.9s
then tick
    connect (at 2.9s)
4s opened
4s closed 1001
    drop
    note: lost (the server closed it (1001)), failure 2, again at 6.0s
then tick
    connect (at 6.0s)
8s opened
8s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
9s eof
    drop
    note: lost (the connection ended without a close frame (1006)), failure 3, again at 11.9s
then tick
    connect (at 11.9s)
14s opened
14s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
15s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
16s closed 1011
    tell: Disconnected
    drop
    note: lost (the server's side crashed (1011)), failure 4, again at 23.5s
then tick
    connect (at 23.5s)
30s opened
30s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
31s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
32s closed 4004
    tell: Disconnected
    drop
    note: refused 4004, again at 224.8s
100s tick
then tick
    connect (at 224.8s)
300s opened
300s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
301s closed 4006
    drop
    note: refused 4006, again at 722.2s
then tick
    connect (at 722.2s)
900s opened
900s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
901s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
905s broken the line was cut
    tell: Disconnected
    drop
    note: lost (the line was cut), failure 5, again at 916.6s
905s leave

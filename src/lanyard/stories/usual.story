# Connect, subscribe, hear, beat and ping, leave.
auto, resync 300s

0s want 1 2
    connect (at 0.0s)
0s opened
0s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2"]}}
1s init 1 2
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
5s update 1
then tick
    ping (at 25.0s)
25.1s heard
then tick
    heartbeat (at 30.0s)
then tick
    ping (at 45.1s)
45.2s heard
50s leave
    close
60s tick

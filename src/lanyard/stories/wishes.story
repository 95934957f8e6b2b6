# Rules change: people come and go on the live connection, and everyone, too.
auto, resync 0s

0s want 1 2
    connect (at 0.0s)
0s opened
0s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2"]}}
1s init 1 2
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
2s want 2 3
    send {"op":4,"d":{"unsubscribe_from_ids":["1"]}}
    send {"op":2,"d":{"subscribe_to_ids":["3"]}}
2s init 3
    tell: snapshot ends, absent: nobody
2s update 1
3s want 2 3
4s want 2 3 everyone
    send {"op":2,"d":{"subscribe_to_all":true}}
5s init 1 2 3
    tell: snapshot ends, absent: nobody
5s update 1
# They are heard of already.
6s want 2 4 everyone
8s want 2
    send {"op":4,"d":{"unsubscribe_from_all":true}}
    send {"op":2,"d":{"subscribe_to_ids":["2"]}}
9s init 2
    tell: snapshot ends, absent: nobody
10s want
    send {"op":4,"d":{"unsubscribe_from_ids":["2"]}}
11s leave
    close

# An INIT_STATE that breaks off says nothing of those behind the break: they are not absent, and asked for again.
ids, resync 0s

0s want 1 2
    connect (at 0.0s)
0s opened
0s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2"]}}
1s spoilt 1
    note: Subscribed
    tell: Connected
    note: Spoilt { unseen: 1 }
    tell: snapshot ends, absent: nobody
20s heard
then tick
    send {"op":2,"d":{"subscribe_to_ids":["2"]}}
35s init 2
    tell: snapshot ends, absent: nobody
36s leave
    close

# `subscribe: all` without a rule for everyone: only the named are told of.
all, resync 300s

0s want 1
    connect (at 0.0s)
0s opened
0s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_all":true}}
1s init 1 2
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
2s want 1 2
    send {"op":2,"d":{"subscribe_to_ids":["2"]}}
3s init 2
    tell: snapshot ends, absent: nobody
5s leave
    close

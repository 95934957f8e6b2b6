# Asked again every five minutes, a fifth more or less: nobody says when a person was lost.
ids, resync 300s

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
300s heard
    heartbeat (at 300.0s)
then tick
    send {"op":2,"d":{"subscribe_to_ids":["1","2"]}}
then tick
    ping (at 320.0s)
301s init 1
    note: gone missing: 2
    tell: snapshot ends, absent: 2
302s update 1
320s update 1
340s update 1
    send {"op":2,"d":{"subscribe_to_ids":["2"]}}
then tick
    ping (at 360.0s)
341s init 1
    tell: snapshot ends, absent: 2
342s leave
    close

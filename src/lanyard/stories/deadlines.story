# What does not come in time: the connection, the Hello, the INIT_STATE on a connection that is alive.
ids, resync 0s

0s want 1
    connect (at 0.0s)
then tick
    drop
    note: cannot connect (no connection within 20 s), failure 1, again at 20.8s
then tick
    connect (at 20.8s)
22s opened
then tick
    drop
    note: lost (no Hello came; is it a Lanyard server?), failure 2, again at 38.7s
then tick
    connect (at 38.7s)
40s opened
40s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1"]}}
then tick
    ping (at 60.0s)
61s heard
81s heard
then tick
    ping (at 101.0s)
101s heard
120s heard
129s tick
130s tick
    drop
    note: lost (no INIT_STATE came in answer to a subscription), failure 1, again at 130.7s
131s leave

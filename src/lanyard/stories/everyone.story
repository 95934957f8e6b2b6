# Lanyard is silent while it builds the state of everyone: twenty seconds at 100,000 people, more on a slow server.
auto, resync 300s

0s want 7 everyone
    connect (at 0.0s)
0s opened
0s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_all":true}}
then tick
    ping (at 20.0s)
then tick
    heartbeat (at 30.0s)
then tick
    heartbeat (at 60.0s)
then tick
    heartbeat (at 90.0s)
then tick
    heartbeat (at 120.0s)
150s init 1 2 3
    note: Subscribed
    tell: Connected
    heartbeat (at 150.0s)
    note: never seen: 7
    tell: snapshot ends, absent: 7
160s update 4
then tick
    send {"op":2,"d":{"subscribe_to_ids":["7"]}}
170s init 7
    note: Found { person: UserId(7) }
    tell: snapshot ends, absent: nobody
171s update 7
then tick
    heartbeat (at 180.0s)
# But not for ever.
171s eof
    tell: Disconnected
    drop
    note: lost (the connection ended without a close frame (1006)), failure 1, again at 172.0s
then tick
    connect (at 172.0s)
173s opened
173s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_all":true}}
then tick
    ping (at 193.0s)
then tick
    drop
    note: lost (nothing came for 180 s, not even a Pong), failure 1, again at 353.7s

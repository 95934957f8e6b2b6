# `subscribe_to_id`: a question a person, sixteen at a time. A bare presence names its question; `{}` is for the eldest.
id, resync 0s

0s want 1..18
    connect (at 0.0s)
0s opened
0s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_id":"1"}}
    send {"op":2,"d":{"subscribe_to_id":"2"}}
    send {"op":2,"d":{"subscribe_to_id":"3"}}
    send {"op":2,"d":{"subscribe_to_id":"4"}}
    send {"op":2,"d":{"subscribe_to_id":"5"}}
    send {"op":2,"d":{"subscribe_to_id":"6"}}
    send {"op":2,"d":{"subscribe_to_id":"7"}}
    send {"op":2,"d":{"subscribe_to_id":"8"}}
    send {"op":2,"d":{"subscribe_to_id":"9"}}
    send {"op":2,"d":{"subscribe_to_id":"10"}}
    send {"op":2,"d":{"subscribe_to_id":"11"}}
    send {"op":2,"d":{"subscribe_to_id":"12"}}
    send {"op":2,"d":{"subscribe_to_id":"13"}}
    send {"op":2,"d":{"subscribe_to_id":"14"}}
    send {"op":2,"d":{"subscribe_to_id":"15"}}
    send {"op":2,"d":{"subscribe_to_id":"16"}}
1s init 1
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
    send {"op":2,"d":{"subscribe_to_id":"17"}}
1s init
    note: never seen: 2
    tell: snapshot ends, absent: 2
    send {"op":2,"d":{"subscribe_to_id":"18"}}
1s init 4
    tell: snapshot ends, absent: nobody
1s init
    note: never seen: 3
    tell: snapshot ends, absent: 3
1s init 5
    tell: snapshot ends, absent: nobody
2s leave
    close

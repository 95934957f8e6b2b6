# Thousands are asked for a thousand at a time, each batch after the answer to the one before.
ids, resync 0s

0s want 1..2500
    connect (at 0.0s)
0s opened
0s hello 30s
    note: Greeted { heartbeat: 30s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2","3","4","5","6","7"… 1000 ids
1s init 1..1000
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
    send {"op":2,"d":{"subscribe_to_ids":["1001","1002","1003","1004"… 1000 ids
2s init 1001..2000
    tell: snapshot ends, absent: nobody
    send {"op":2,"d":{"subscribe_to_ids":["2001","2002","2003","2004"… 500 ids
3s init 2001..2400
    note: never seen: 100 people, 2401 to 2500
    tell: snapshot ends, absent: 100 people, 2401 to 2500
4s leave
    close

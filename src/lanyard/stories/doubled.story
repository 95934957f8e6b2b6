# A server older than July 2026 sends every update twice once it was asked again. That is cured by a fresh
# connection, and from then on it is asked again by connecting afresh, and less often.
ids, resync 60s

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
2s says 1 abc
20s update 1
40s update 1
then tick
    ping (at 60.0s)
then tick
    send {"op":2,"d":{"subscribe_to_ids":["1","2"]}}
70s init 1 2
    tell: snapshot ends, absent: nobody
70.5s says 1 a
# One repeat is nothing yet.
71s says 1 bb
72s says 2 xxyyzz
73s says 1 cc
    tell: Disconnected
    drop
    note: lost (it sends every update twice since it was asked again, as servers before July 2026 do; from now on it is asked again by connecting afresh), failure 1, again at 74.0s
then tick
    connect (at 74.0s)
74.1s opened
74.1s hello 300s
    note: Greeted { heartbeat: 300s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2"]}}
75s init 1 2
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: nobody
# Whatever comes twice now is not for being asked again.
76s says 1 ddeeffgghhiijj
# Who was absent and is asked for is not doubled by that.
77s want 1 2 3
    send {"op":2,"d":{"subscribe_to_ids":["3"]}}
78s init
    note: never seen: 3
    tell: snapshot ends, absent: 3
95s heard
then tick
    send {"op":2,"d":{"subscribe_to_ids":["3"]}}
97s init
    tell: snapshot ends, absent: 3
110s heard
# Somebody doubts what came last: a fresh connection, too.
111s doubt
    tell: Disconnected
    drop
    note: lost (connecting afresh, to ask for everybody again), failure 2, again at 112.9s
then tick
    connect (at 112.9s)
112s opened
112s hello 3000s
    note: Greeted { heartbeat: 3000s }
    send {"op":2,"d":{"subscribe_to_ids":["1","2","3"]}}
113s init 1 2
    note: Subscribed
    tell: Connected
    tell: snapshot ends, absent: 3
# Half an hour and more, not a minute.
130s update 1 2 3
    note: Found { person: UserId(3) }
149s update 1 2 3
168s update 1 2 3
187s update 1 2 3
206s update 1 2 3
225s update 1 2 3
244s update 1 2 3
263s update 1 2 3
282s update 1 2 3
301s update 1 2 3
320s update 1 2 3
339s update 1 2 3
358s update 1 2 3
377s update 1 2 3
396s update 1 2 3
415s update 1 2 3
434s update 1 2 3
453s update 1 2 3
472s update 1 2 3
491s update 1 2 3
510s update 1 2 3
529s update 1 2 3
548s update 1 2 3
567s update 1 2 3
586s update 1 2 3
605s update 1 2 3
624s update 1 2 3
643s update 1 2 3
662s update 1 2 3
681s update 1 2 3
700s update 1 2 3
719s update 1 2 3
738s update 1 2 3
757s update 1 2 3
776s update 1 2 3
795s update 1 2 3
814s update 1 2 3
833s update 1 2 3
852s update 1 2 3
871s update 1 2 3
890s update 1 2 3
909s update 1 2 3
928s update 1 2 3
947s update 1 2 3
966s update 1 2 3
985s update 1 2 3
1004s update 1 2 3
1023s update 1 2 3
1042s update 1 2 3
1061s update 1 2 3
1080s update 1 2 3
1099s update 1 2 3
1118s update 1 2 3
1137s update 1 2 3
1156s update 1 2 3
1175s update 1 2 3
1194s update 1 2 3
1213s update 1 2 3
1232s update 1 2 3
1251s update 1 2 3
1270s update 1 2 3
1289s update 1 2 3
1308s update 1 2 3
1327s update 1 2 3
1346s update 1 2 3
1365s update 1 2 3
1384s update 1 2 3
1403s update 1 2 3
1422s update 1 2 3
1441s update 1 2 3
1460s update 1 2 3
1479s update 1 2 3
1498s update 1 2 3
1517s update 1 2 3
1536s update 1 2 3
1555s update 1 2 3
1574s update 1 2 3
1593s update 1 2 3
1612s update 1 2 3
1631s update 1 2 3
1650s update 1 2 3
1669s update 1 2 3
1688s update 1 2 3
1707s update 1 2 3
1726s update 1 2 3
1745s update 1 2 3
1764s update 1 2 3
1783s update 1 2 3
1802s update 1 2 3
1821s update 1 2 3
1840s update 1 2 3
1859s update 1 2 3
1878s update 1 2 3
1897s update 1 2 3
1916s update 1 2 3
1935s update 1 2 3
    tell: Disconnected
    drop
    note: lost (connecting afresh, to ask for everybody again), failure 1, again at 1935.9s

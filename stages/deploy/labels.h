/* stages/deploy/labels.h: what is written on all that a deploy makes on its target, and how it is found again. */
#ifndef STAGES_DEPLOY_LABELS_H
#define STAGES_DEPLOY_LABELS_H

#define LABEL_UNIT      "atelier.unit"      /* on everything: one project in one environment */
#define LABEL_DUTY      "atelier.duty"      /* on everything: one of those below */
#define LABEL_SERVICE   "atelier.service"   /* container: the service's name in the compose file */
#define LABEL_RELEASE   "atelier.release"   /* container: the number of the release that made it */
#define LABEL_HASH      "atelier.hash"      /* container: stands for all that it was made from */
#define LABEL_REFERENCE "atelier.reference" /* managed container: its image as the file has it */
#define LABEL_RECORD    "atelier.record"    /* release: what it is, as JSON */
#define LABEL_HOLDER    "atelier.holder"    /* lock: the process that took it */
#define LABEL_TOKEN     "atelier.token"     /* lock and lease: which lock a lease is for */
#define LABEL_WHO       "atelier.who"       /* lock: the same for people */

#define DUTY_SERVICE "service" /* a container of a release */
#define DUTY_MANAGED "managed" /* a container or a volume that all releases share */
#define DUTY_RELEASE "release" /* an empty volume: a release's record */
#define DUTY_LOCK    "lock"    /* a container that never runs */
#define DUTY_LEASE   "lease"   /* an empty volume that says that the lock's holder lives */
#define DUTY_NETWORK "network"
#define DUTY_HANDS   "hands"   /* a container that never runs, through which folders are made */

#endif

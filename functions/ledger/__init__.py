"""The ledger: the only place that talks to DynamoDB.

At every moment, for every account, and with no term negative:

    credited = paid + Σ lots.left + Σ holds + spent + expired

Each step that changes an account is one conditional write of one item (`admit`, `extend`, `settle`, `tidy`);
credits that come or go otherwise are one transaction (`grants`, `journal`); `audit` recomputes all of it. The
rules they follow are numbered in docs/ledger.md, and named in the code as "rule 1" to "rule 13".
"""

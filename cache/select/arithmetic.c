#include "cache/select/arithmetic.h"

#include "base/number.h"
#include "base/strvec.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { DEPTH_MAX = 64 }; /* of parentheses, signs and powers */

enum operator {
    OR, AND, BIT_OR, BIT_XOR, BIT_AND, EQ, NE, LE, GE, SHL, SHR, LT, GT, ADD, SUB, POW, MUL, DIV, MOD
};

/* Longer ones before those that they begin with. */
static const struct {
    const char *text;
    enum operator op;
    int precedence;
} operators[] = {
    { "||", OR, 1 },  { "&&", AND, 2 },   { "==", EQ, 6 },     { "!=", NE, 6 },     { "<=", LE, 7 },
    { ">=", GE, 7 },  { "<<", SHL, 8 },   { ">>", SHR, 8 },    { "**", POW, 11 },   { "|", BIT_OR, 3 },
    { "<", LT, 7 },   { "^", BIT_XOR, 4 }, { "&", BIT_AND, 5 }, { ">", GT, 7 },      { "+", ADD, 9 },
    { "-", SUB, 9 },  { "*", MUL, 10 },   { "/", DIV, 10 },    { "%", MOD, 10 },
};
enum { POWER = 11 };

struct sum {
    const char *at;
    char *const *env;
    unsigned depth;
    bool idle; /* its value is not wanted: nothing in it can be wrong but its form */
    struct err *e;
};

static int ternary(struct sum *s, int64_t *out);

static int fault(struct sum *s, const char *what)
{
    return err_set(s->e, ERR_JOB, 0, "arithmetic: %s", what);
}

static void blanks(struct sum *s)
{
    s->at += strspn(s->at, " \t\n");
}

static bool accept(struct sum *s, char c)
{
    blanks(s);
    if (*s->at != c)
        return false;
    s->at++;
    return true;
}

static int number(struct sum *s, int64_t *out)
{
    char *end;
    errno = 0;
    *out = (int64_t)strtoull(s->at, &end, s->at[0] == '0' && (s->at[1] | 0x20) == 'x' ? 16 : 10);
    if (errno || isalnum((unsigned char)*end) || *end == '_')
        return fault(s, "not a number");
    s->at = end;
    return 0;
}

static int64_t variable(struct sum *s)
{
    size_t len = 0;
    while (isalnum((unsigned char)s->at[len]) || s->at[len] == '_')
        len++;
    auto_free char *name = xstrndup(s->at, len);
    const char *value = env_get(s->env, name);
    int64_t n = 0;
    s->at += len;
    (void)number_parse(value ? value : "0", INT64_MIN, INT64_MAX, &n); /* else it stays 0 */
    return n;
}

/* A number, a name, or something in parentheses, with its signs. */
static int operand(struct sum *s, int64_t *out)
{
    blanks(s);
    char sign = *s->at;
    int result;
    if (s->depth == DEPTH_MAX)
        return fault(s, "nested too deeply");
    s->depth++;
    if (strchr("+-!~", sign) && sign) {
        s->at++;
        result = operand(s, out);
        if (result == 0)
            *out = sign == '-' ? (int64_t)(0 - (uint64_t)*out) : sign == '!' ? !*out : sign == '~' ? ~*out : *out;
    } else if (accept(s, '(')) {
        result = ternary(s, out);
        if (result == 0 && !accept(s, ')'))
            result = fault(s, "a ) is missing");
    } else if (isdigit((unsigned char)sign)) {
        result = number(s, out);
    } else if (isalpha((unsigned char)sign) || sign == '_') {
        *out = variable(s);
        result = 0;
    } else {
        result = fault(s, "an expression is missing");
    }
    s->depth--;
    return result;
}

static int64_t power(int64_t base, int64_t exponent)
{
    uint64_t result = 1, factor = (uint64_t)base;
    for (; exponent > 0; exponent >>= 1, factor *= factor)
        if (exponent & 1)
            result *= factor;
    return (int64_t)result;
}

static int apply(struct sum *s, enum operator op, int64_t a, int64_t b, int64_t *out)
{
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    if ((op == DIV || op == MOD) && b == 0 && !s->idle)
        return fault(s, "division by zero");
    if (op == POW && b < 0 && !s->idle)
        return fault(s, "exponent less than 0");
    switch (op) {
    case OR: *out = a || b; break;
    case AND: *out = a && b; break;
    case BIT_OR: *out = a | b; break;
    case BIT_XOR: *out = a ^ b; break;
    case BIT_AND: *out = a & b; break;
    case EQ: *out = a == b; break;
    case NE: *out = a != b; break;
    case LE: *out = a <= b; break;
    case GE: *out = a >= b; break;
    case LT: *out = a < b; break;
    case GT: *out = a > b; break;
    case SHL: *out = (int64_t)(ua << (ub & 63)); break;
    case SHR: *out = a >> (ub & 63); break;
    case ADD: *out = (int64_t)(ua + ub); break;
    case SUB: *out = (int64_t)(ua - ub); break;
    case MUL: *out = (int64_t)(ua * ub); break;
    case POW: *out = power(a, b); break;
    /* the least number by -1 does not fit: it wraps as well */
    case DIV: *out = b == 0 ? 0 : b == -1 ? (int64_t)(0 - ua) : a / b; break;
    case MOD: *out = b == 0 || b == -1 ? 0 : a % b; break;
    }
    return 0;
}

static int find_operator(const struct sum *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
        if (!strncmp(s->at, operators[i].text, strlen(operators[i].text)))
            return (int)i;
    return -1;
}

/* Operands and the operators between them that bind at least as `least`. */
static int binary(struct sum *s, int least, int64_t *out)
{
    if (operand(s, out) < 0)
        return -1;
    for (;;) {
        blanks(s);
        int i = find_operator(s);
        if (i < 0 || operators[i].precedence < least)
            return 0;
        enum operator op = operators[i].op;
        int64_t right = 0;
        bool idle = s->idle;
        s->at += strlen(operators[i].text);
        s->idle |= (op == OR && *out) || (op == AND && !*out);
        if (++s->depth > DEPTH_MAX)
            return fault(s, "nested too deeply");
        if (binary(s, operators[i].precedence + (operators[i].precedence != POWER), &right) < 0)
            return -1;
        s->depth--;
        s->idle = idle;
        if (apply(s, op, *out, right, out) < 0)
            return -1;
    }
}

static int ternary(struct sum *s, int64_t *out)
{
    int64_t condition, yes = 0, no = 0;
    bool idle = s->idle;
    if (binary(s, 0, &condition) < 0)
        return -1;
    *out = condition;
    if (!accept(s, '?'))
        return 0;
    if (++s->depth > DEPTH_MAX)
        return fault(s, "nested too deeply");
    s->idle = idle || !condition;
    if (ternary(s, &yes) < 0)
        return -1;
    if (!accept(s, ':'))
        return fault(s, "a : is missing");
    s->idle = idle || condition;
    if (ternary(s, &no) < 0)
        return -1;
    s->idle = idle;
    s->depth--;
    *out = condition ? yes : no;
    return 0;
}

int arithmetic_eval(const char *text, char *const *env, int64_t *out, struct err *e)
{
    struct sum s = { .at = text, .env = env, .e = e };
    if (ternary(&s, out) < 0)
        return -1;
    blanks(&s);
    return *s.at ? fault(&s, "something is left over, or assigns") : 0;
}

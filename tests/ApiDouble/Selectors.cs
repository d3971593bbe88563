using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Label and field selectors of lists and watches.</summary>
public sealed record Selectors(string Labels, string Fields)
{
    private static readonly string[] KnownFields =
    [
        "metadata.name", "metadata.namespace", "spec.nodeName", "status.phase", "spec.restartPolicy", "spec.clusterIP", "type",
        "involvedObject.name", "involvedObject.namespace", "involvedObject.kind", "involvedObject.uid", "reason", "spec.unschedulable", "spec.signerName",
    ];

    /// <summary>Judged before any object is looked at.</summary>
    /// <param name="unknown">Fields that this server does not know yet.</param>
    /// <exception cref="ApiException">A field that the API cannot select by.</exception>
    public void Check(IReadOnlyCollection<string> unknown)
    {
        foreach (string part in Parts(Fields))
            if (part[..part.IndexOfAny(['=', '!'])] is var key && (unknown.Contains(key) || !KnownFields.Contains(key))) throw ApiException.BadRequest($"field label not supported: {key}");
    }

    public bool Match(JsonObject o) => Parts(Labels).All(p => Holds(p, LabelOf(o))) && Parts(Fields).All(p => Holds(p, FieldOf(o)));

    private static IEnumerable<string> Parts(string selector)
    {
        int depth = 0, begin = 0;
        for (int i = 0; i <= selector.Length; i++)
        {
            if (i < selector.Length && selector[i] == '(') depth++;
            if (i < selector.Length && selector[i] == ')') depth--;
            if ((i < selector.Length && (selector[i] != ',' || depth > 0)) || i == begin) continue;
            yield return selector[begin..i].Trim();
            begin = i + 1;
        }
    }

    private static bool Holds(string part, Func<string, string?> value)
    {
        if (part.Split("!=") is [var not, var unwanted]) return value(not.Trim()) != unwanted.Trim();
        if (part.Split("==") is [var same, var wanted]) return value(same.Trim()) == wanted.Trim();
        if (part.Split('=') is [var key, var equal]) return value(key.Trim()) == equal.Trim();
        if (part.Split(" notin ") is [var outside, var excluded]) return value(outside.Trim()) is not { } v || !Set(excluded).Contains(v);
        if (part.Split(" in ") is [var inside, var included]) return value(inside.Trim()) is { } v && Set(included).Contains(v);
        return part.StartsWith('!') ? value(part[1..].Trim()) is null : value(part) is not null;
    }

    private static string[] Set(string text) => text.Trim().Trim('(', ')').Split(',', StringSplitOptions.TrimEntries);

    private static Func<string, string?> LabelOf(JsonObject o) => key => Meta(o)["labels"]?[key]?.GetValue<string>();

    private static Func<string, string?> FieldOf(JsonObject o) => key =>
    {
        JsonNode? at = o;
        foreach (string part in key.Split('.')) at = at?[part];
        return Text(at);
    };
}

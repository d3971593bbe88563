using System.Globalization;
using k8s.Models;

namespace NativeKubelet.Core.Pods;

/// <summary>spec.nodeSelector and the required part of spec.affinity.nodeAffinity against one node.</summary>
public static class NodeAffinity
{
    public static bool Matches(V1PodSpec spec, NodeFacts node)
    {
        if (spec.NodeSelector is { } selector && !selector.All(want => node.Labels.GetValueOrDefault(want.Key) == want.Value))
            return false;
        IList<V1NodeSelectorTerm>? terms = spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms;
        return terms is null || terms.Any(term => Matches(term, node));
    }

    /// <summary>Whether the node is one that a volume can be used on; no selector names every node.</summary>
    public static bool Matches(V1NodeSelector? selector, NodeFacts node) => selector is null || selector.NodeSelectorTerms?.Any(term => Matches(term, node)) == true;

    /// <summary>A term without any expression matches nothing.</summary>
    private static bool Matches(V1NodeSelectorTerm term, NodeFacts node)
    {
        IList<V1NodeSelectorRequirement> labels = term.MatchExpressions ?? [];
        IList<V1NodeSelectorRequirement> fields = term.MatchFields ?? [];
        return labels.Count + fields.Count > 0
            && labels.All(want => Matches(want, node.Labels.GetValueOrDefault(want.Key)))
            && fields.All(want => Matches(want, want.Key == "metadata.name" ? node.Name : null));
    }

    private static bool Matches(V1NodeSelectorRequirement want, string? value) => want.OperatorProperty switch
    {
        "In" => value is not null && want.Values?.Contains(value) == true,
        "NotIn" => value is null || want.Values?.Contains(value) != true,
        "Exists" => value is not null,
        "DoesNotExist" => value is null,
        "Gt" => Compare(want, value) > 0,
        "Lt" => Compare(want, value) < 0,
        _ => false,
    };

    /// <returns>0 also when either side is no number, which satisfies neither Gt nor Lt.</returns>
    private static int Compare(V1NodeSelectorRequirement want, string? value) =>
        want.Values is [var bound] && Parse(value) is { } have && Parse(bound) is { } limit ? have.CompareTo(limit) : 0;

    private static long? Parse(string? text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : null;
}

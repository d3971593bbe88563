using System.Collections.Immutable;
using k8s.Models;
using NativeKubelet.Core.Objects;

namespace NativeKubelet.Core.Manifests;

/// <summary>
/// All that one source wants to run at a moment: a full listing, never a difference. The pods are decoded, defaulted,
/// validated, and carry their static identity (name suffix, UID, annotations, node); nobody changes them from here on.
/// </summary>
/// <param name="Source">"file", "http" or "api": the value of kubernetes.io/config.source.</param>
/// <param name="Pods">In the order of the listing; the same namespace and name may appear twice (SourceMerge decides).</param>
/// <param name="Problems">What people must know about the source's content, for log, `ps` and `doctor`.</param>
public sealed record PodSet(string Source, ImmutableArray<V1Pod> Pods, ImmutableArray<ManifestProblem> Problems)
{
    /// <summary>What the same files define beside pods; the first of two with one name counts.</summary>
    public ImmutableArray<NodeObject> Objects { get; init; } = [];

    public static PodSet Empty(string source) => new(source, [], []);
}

/// <summary>One thing wrong with a manifest. The text never holds values of Secrets, headers or environment variables.</summary>
/// <param name="Origin">The file as listed, or the URL without its query and user.</param>
/// <param name="Document">From 1, counted over the file's documents; 0: the file as a whole.</param>
/// <param name="Line">From 1; 0: unknown.</param>
/// <param name="Field">As in spec.containers[0].image; empty: the document as a whole.</param>
/// <param name="Since">When this problem was first seen with this origin; stays while it stays.</param>
/// <param name="StandIn">The origin's last valid content is used in its place: pods run on although this is an error.</param>
public sealed record ManifestProblem(
    string Origin,
    int Document,
    int Line,
    string Field,
    string Message,
    ProblemSeverity Severity,
    DateTimeOffset Since = default,
    bool StandIn = false)
{
    /// <summary>One line for people: <c>web.yaml:12: document 2: spec.containers[0].image: Required value</c>.</summary>
    public override string ToString()
    {
        string place = Line > 0 ? $"{Origin}:{Line}" : Origin;
        string document = Document > 1 ? $" document {Document}:" : "";
        string field = Field.Length > 0 ? $" {Field}:" : "";
        return $"{place}:{document}{field} {Message}";
    }
}

public enum ProblemSeverity
{
    /// <summary>The pod runs, but something in its manifest has no effect.</summary>
    Warning,

    /// <summary>What the document asks for is not run.</summary>
    Error,
}

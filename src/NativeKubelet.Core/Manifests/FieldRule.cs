namespace NativeKubelet.Core.Manifests;

public enum FieldEffect
{
    /// <summary>Acted on.</summary>
    Works,

    /// <summary>Accepted, and rightly without effect on this node; the note says why.</summary>
    Ignored,

    /// <summary>Would change what a container may do or how it runs, and is not acted on: the containers concerned are not started.</summary>
    Refused,
}

/// <summary>What this build makes of a field and of everything below it.</summary>
/// <param name="Path">As in spec.containers[].resources.limits[hugepages-*]; [] is any item, [key] a map's key, * the rest of a key.</param>
/// <param name="Note">For people: why it is ignored, what is missing where it is refused.</param>
public sealed record FieldRule(string Path, FieldEffect Effect, string Note = "")
{
    /// <summary>The values that <see cref="Effect"/> Works is limited to; any other is refused. Empty: all.</summary>
    public string[] Only { get; init; } = [];

    /// <summary>The effect for pods that an API server gave, where it is another than for this node's own. Null: the same.</summary>
    public FieldEffect? Joined { get; init; }

    public FieldEffect EffectFor(bool joined) => joined ? Joined ?? Effect : Effect;
}

/// <param name="Path">As written: spec.containers[0].livenessProbe.</param>
/// <param name="Container">The one concerned; empty: every container of the pod.</param>
public sealed record RefusedField(string Path, string Container, string Reason)
{
    public override string ToString() => $"{Path}: {Reason}";
}

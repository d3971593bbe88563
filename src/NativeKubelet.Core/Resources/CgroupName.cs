using System.Collections.Immutable;

namespace NativeKubelet.Core.Resources;

public enum CgroupDriver { Cgroupfs, Systemd }

/// <summary>A control group's place as a list of components, in neither driver's form (spec 40 §3).</summary>
public sealed class CgroupName : IEquatable<CgroupName>
{
    private const string Slice = ".slice";

    private CgroupName(ImmutableArray<string> components) => Components = components;

    public static CgroupName Root { get; } = new([]);

    public ImmutableArray<string> Components { get; }

    /// <exception cref="FormatException">Empty, "." or "..", or with a character that one of the forms could not hold.</exception>
    public CgroupName Child(string component)
    {
        if (component.Length == 0 || component is "." or ".." || component.AsSpan().ContainsAny('/', '_', '\0') || component.Contains('\n'))
            throw new FormatException($"cgroup component \"{component}\" must not be empty nor hold '/', '_' or control characters");
        return new(Components.Add(component));
    }

    /// <summary>"/kubepods/burstable", or "/" for the root.</summary>
    public string ToCgroupfs() => "/" + string.Join('/', Components);

    /// <summary>The expanded path: "/kubepods.slice/kubepods-burstable.slice".</summary>
    public string ToSystemd()
    {
        string path = "", joined = "";
        foreach (string component in Components)
        {
            joined = joined.Length == 0 ? Escape(component) : $"{joined}-{Escape(component)}";
            path += $"/{joined}{Slice}";
        }
        return path.Length == 0 ? "/" : path;
    }

    /// <summary>The unit alone: "kubepods-burstable.slice"; "-.slice" for the root.</summary>
    public string ToUnit() => Components.IsEmpty ? "-" + Slice : string.Join('-', Components.Select(Escape)) + Slice;

    /// <exception cref="FormatException">A component cannot be named.</exception>
    public static CgroupName FromCgroupfs(string path) =>
        path.Split('/', StringSplitOptions.RemoveEmptyEntries).Aggregate(Root, (name, component) => name.Child(component));

    /// <param name="path">A slice, or a path that ends in one.</param>
    /// <exception cref="FormatException">The last part is no slice's name.</exception>
    public static CgroupName FromSystemd(string path)
    {
        string unit = path[(path.TrimEnd('/').LastIndexOf('/') + 1)..].TrimEnd('/');
        if (unit is "" or "-" + Slice) return Root;
        if (!unit.EndsWith(Slice, StringComparison.Ordinal)) throw new FormatException($"\"{path}\" does not end in a slice");
        return unit[..^Slice.Length].Split('-').Aggregate(Root, (name, part) => name.Child(part.Replace('_', '-')));
    }

    public bool Equals(CgroupName? other) => other is not null && Components.SequenceEqual(other.Components);
    public override bool Equals(object? obj) => Equals(obj as CgroupName);
    public override int GetHashCode() => ToCgroupfs().GetHashCode(StringComparison.Ordinal);
    public override string ToString() => ToCgroupfs();

    private static string Escape(string component) => component.Replace('-', '_');
}

using System.Collections.Immutable;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Who asks.</summary>
public sealed record ApiUser(string Name, ImmutableArray<string> Groups)
{
    public const string Admins = "system:masters", Nodes = "system:nodes", Bootstrappers = "system:bootstrappers";

    private const string NodePrefix = "system:node:";

    public static ApiUser Anonymous { get; } = new("system:anonymous", ["system:unauthenticated"]);

    /// <summary>The node that this is; null for everybody else.</summary>
    public string? Node => Name.StartsWith(NodePrefix, StringComparison.Ordinal) && Groups.Contains(Nodes) ? Name[NodePrefix.Length..] : null;

    public bool IsAdmin => Groups.Contains(Admins);

    public static string NameOfNode(string node) => NodePrefix + node;
}

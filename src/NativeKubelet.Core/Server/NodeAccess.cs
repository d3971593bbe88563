using System.Collections.Immutable;

namespace NativeKubelet.Core.Server;

/// <summary>What a request wants of this node, in the words in which an authorizer is asked (spec 20 §8.2).</summary>
/// <param name="Verb">Empty for methods that have none.</param>
/// <param name="Subresources">Of nodes. One that is allowed is enough.</param>
public readonly record struct NodeAccess(string Verb, ImmutableArray<string> Subresources)
{
    private static readonly ImmutableArray<string> Proxy = ["proxy"], Stats = ["stats"], Metrics = ["metrics"], Log = ["log"], Checkpoint = ["checkpoint"],
        StatusZ = ["statusz"], FlagZ = ["configz"], Pods = ["pods", "proxy"], Health = ["healthz", "proxy"], ConfigZ = ["configz", "proxy"];

    /// <param name="path">Decoded, as the router takes it apart: both must see the same.</param>
    public static NodeAccess Of(string method, string path)
    {
        string root = RootOf(path);
        return new(VerbOf(method, root), root switch
        {
            "stats" => Stats,
            "metrics" => Metrics,
            "logs" => Log,
            "checkpoint" => Checkpoint,
            "statusz" => StatusZ,
            "flagz" => FlagZ,
            "pods" or "runningpods" => Pods,
            "healthz" => Health,
            "configz" => ConfigZ,
            _ => Proxy,
        });
    }

    /// <summary>The path's first element.</summary>
    public static string RootOf(string path)
    {
        if (!path.StartsWith('/')) return "";
        int end = path.IndexOf('/', 1);
        return end < 0 ? path[1..] : path[1..end];
    }

    /// <summary>
    /// Whoever runs something in a container creates, whatever his method: a WebSocket begins with a GET, and the right to read
    /// must not be one to execute (spec 60 rule 23).
    /// </summary>
    private static string VerbOf(string method, string root) => root is "exec" or "attach" or "run" or "portForward" ? "create" : method switch
    {
        "GET" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    };
}

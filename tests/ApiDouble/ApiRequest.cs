using Microsoft.AspNetCore.Http;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>A request's path, read as the API's grammar says; what authorization judges.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete or deletecollection.</param>
/// <param name="Name">Empty for collections.</param>
/// <param name="SubResource">Empty for the object itself.</param>
public sealed record ApiRequest(ResourceKind Kind, string Verb, string Namespace, string Name, string SubResource)
{
    /// <returns>Null where the path names no resource that is served.</returns>
    public static ApiRequest? Read(HttpRequest request)
    {
        string[] path = (request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        (string group, string version, int at) = path switch
        {
            ["api", var v, ..] => ("", v, 2),
            ["apis", var g, var v, ..] => (g, v, 3),
            _ => ("", "", path.Length),
        };
        string scope = "";
        // "namespaces" leads to what is inside one, unless nothing follows the name but a sub-resource of the namespace.
        if (at + 2 < path.Length && path[at] == "namespaces" && ResourceKind.Find(group, version, path[at + 2]) is not null) (scope, at) = (path[at + 1], at + 2);
        if (at >= path.Length || ResourceKind.Find(group, version, path[at]) is not { } kind) return null;
        string name = at + 1 < path.Length ? path[at + 1] : "", sub = at + 2 < path.Length ? path[at + 2] : "";
        bool watch = request.Query["watch"].ToString() is "true" or "1";
        string verb = request.Method switch
        {
            "GET" or "HEAD" => name.Length > 0 ? "get" : watch ? "watch" : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => name.Length > 0 ? "delete" : "deletecollection",
            var other => other.ToLowerInvariant(),
        };
        return new(kind, verb, scope, name, sub);
    }
}

using System.Text.Json.Nodes;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>A refusal, in the form of the API's Status object.</summary>
public sealed class ApiException(int code, string reason, string message) : Exception(message)
{
    public int Code => code;

    public JsonObject ToStatus() => new()
    {
        ["kind"] = "Status",
        ["apiVersion"] = "v1",
        ["metadata"] = new JsonObject(),
        ["status"] = "Failure",
        ["message"] = Message,
        ["reason"] = reason,
        ["code"] = code,
    };

    public static ApiException NotFound(ResourceKind kind, string name) => new(404, "NotFound", $"{kind.FullName} \"{name}\" not found");

    public static ApiException AlreadyExists(ResourceKind kind, string name) => new(409, "AlreadyExists", $"{kind.FullName} \"{name}\" already exists");

    public static ApiException Conflict(ResourceKind kind, string name, string why) =>
        new(409, "Conflict", $"Operation cannot be fulfilled on {kind.FullName} \"{name}\": {why}");

    public static ApiException Invalid(ResourceKind kind, string name, string why) => new(422, "Invalid", $"{kind.Kind} \"{name}\" is invalid: {why}");

    public static ApiException BadRequest(string why) => new(400, "BadRequest", why);

    public static ApiException Forbidden(ApiRequest request, ApiUser user, string why) => new(403, "Forbidden",
        $"{request.Kind.FullName} \"{request.Name}\" is forbidden: User \"{user.Name}\" cannot {request.Verb} resource \"{request.Kind.Plural}\"{(request.SubResource.Length > 0 ? "/" + request.SubResource : "")} in API group \"{request.Kind.Group}\": {why}");

    /// <summary>By an admission plugin.</summary>
    public static ApiException Rejected(ApiRequest request, string name, string why) => new(403, "Forbidden", $"{request.Kind.FullName} \"{name}\" is forbidden: {why}");

    public static ApiException Expired(long version) => new(410, "Expired", $"too old resource version: {version}");
}

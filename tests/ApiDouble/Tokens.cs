using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Bearer tokens: those that a test hands out, and those that service accounts are given.</summary>
public sealed class Tokens(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, (ApiUser User, DateTimeOffset Until)> _known = new();

    public string Issue(ApiUser user, TimeSpan? lifetime = null)
    {
        string token = RandomNumberGenerator.GetHexString(32, lowercase: true);
        _known[token] = (user, lifetime is { } span ? time.GetUtcNow() + span : DateTimeOffset.MaxValue);
        return token;
    }

    public ApiUser? Authenticate(string token) => _known.TryGetValue(token, out var found) && found.Until > time.GetUtcNow() ? found.User : null;

    public void Revoke(string token) => _known.TryRemove(token, out _);

    /// <summary>Answers a TokenRequest: a token in the form of a JWT, known until it expires.</summary>
    public JsonObject Bind(string scope, string account, JsonObject request)
    {
        JsonObject answer = (JsonObject)request.DeepClone();
        JsonObject spec = answer["spec"] as JsonObject ?? [];
        answer["spec"] = spec.Parent is null ? spec : spec.DeepClone();
        long seconds = Math.Max(600, spec["expirationSeconds"]?.GetValue<long>() ?? 3600);
        DateTimeOffset until = time.GetUtcNow() + TimeSpan.FromSeconds(seconds);
        JsonArray audiences = spec["audiences"]?.DeepClone() as JsonArray is { Count: > 0 } given ? given : new JsonArray("https://kubernetes.default.svc");
        JsonObject claims = new()
        {
            ["iss"] = "https://kubernetes.default.svc",
            ["sub"] = $"system:serviceaccount:{scope}:{account}",
            ["aud"] = audiences,
            ["exp"] = until.ToUnixTimeSeconds(),
            ["iat"] = time.GetUtcNow().ToUnixTimeSeconds(),
            ["jti"] = Guid.NewGuid().ToString(),
            ["kubernetes.io"] = new JsonObject { ["namespace"] = scope, ["serviceaccount"] = new JsonObject { ["name"] = account } },
        };
        if (spec["boundObjectRef"] is { } bound)
            claims["kubernetes.io"]![Text(bound["kind"]).ToLowerInvariant()] = new JsonObject { ["name"] = Text(bound["name"]), ["uid"] = Text(bound["uid"]) };
        string token = $"{Part("{\"alg\":\"none\"}")}.{Part(claims.ToJsonString())}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
        _known[token] = (new ApiUser($"system:serviceaccount:{scope}:{account}", ["system:serviceaccounts", $"system:serviceaccounts:{scope}", "system:authenticated"]), until);
        answer["kind"] = "TokenRequest";
        answer["apiVersion"] = "authentication.k8s.io/v1";
        answer["status"] = new JsonObject { ["token"] = token, ["expirationTimestamp"] = until.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) };
        return answer;

        static string Part(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    public JsonObject Review(JsonObject review)
    {
        JsonObject answer = (JsonObject)review.DeepClone();
        ApiUser? user = Authenticate(Text(review["spec"]?["token"]));
        answer["status"] = user is null
            ? new JsonObject { ["authenticated"] = false, ["error"] = "[invalid bearer token, unknown]" }
            : new JsonObject { ["authenticated"] = true, ["user"] = new JsonObject { ["username"] = user.Name, ["uid"] = "", ["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]) } };
        return answer;
    }
}

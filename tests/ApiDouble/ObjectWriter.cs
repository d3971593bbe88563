using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using static NativeKubelet.Tests.ApiDouble.ObjectStore;

namespace NativeKubelet.Tests.ApiDouble;

/// <summary>Creates, changes and deletes objects by the rules that hold for every kind; <see cref="KindRules"/> has the others.</summary>
public sealed class ObjectWriter(ObjectStore store, KindRules rules, TimeProvider time)
{
    /// <param name="strict">Unknown fields are refused; otherwise they are dropped silently, as the real server does.</param>
    public JsonObject Create(ApiRequest request, ApiUser user, JsonObject body, bool strict)
    {
        ResourceKind kind = request.Kind;
        JsonObject created = Clean(kind, body, strict);
        JsonObject meta = Meta(created);
        string name = Text(meta["name"]);
        if (name.Length == 0 && Text(meta["generateName"]) is { Length: > 0 } prefix) meta["name"] = name = prefix + RandomNumberGenerator.GetHexString(5, lowercase: true);
        if (name.Length == 0) throw ApiException.Invalid(kind, "", "metadata.name: Required value: name or generateName is required");
        if (name.Length > 253 || name.Any(c => !(char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.' or ':'))) throw ApiException.Invalid(kind, name, $"metadata.name: Invalid value: \"{name}\": a lowercase RFC 1123 subdomain is needed");
        if (Text(meta["resourceVersion"]).Length > 0) throw ApiException.BadRequest("resourceVersion should not be set on objects to be created");
        string scope = Scope(kind, request, meta);
        meta["uid"] = Guid.NewGuid().ToString();
        meta["creationTimestamp"] = Now();
        EphemeralContainers.CheckCreated(request, created);
        rules.BeforeCreate(request, user, created);
        return store.Update(kind, scope, name, there => there is null ? created : throw ApiException.AlreadyExists(kind, name))!;
    }

    public JsonObject Replace(ApiRequest request, ApiUser user, JsonObject body, bool strict)
    {
        JsonObject wanted = Clean(request.Kind, body, strict);
        return Change(request, user, there =>
        {
            if (Text(Meta(wanted)["resourceVersion"]) is { Length: > 0 } version && version != Text(Meta(there)["resourceVersion"])) throw Stale(request);
            return wanted;
        });
    }

    public JsonObject Patch(ApiRequest request, ApiUser user, string contentType, JsonNode patch, bool strict)
    {
        string version = Text((patch as JsonObject)?["metadata"]?["resourceVersion"]);
        return Change(request, user, there =>
        {
            if (version.Length > 0 && version != Text(Meta(there)["resourceVersion"])) throw Stale(request);
            return Clean(request.Kind, Patches.Apply(contentType, there, patch), strict);
        });
    }

    /// <param name="options">DeleteOptions; null for none.</param>
    public JsonObject Delete(ApiRequest request, ApiUser user, JsonObject? options)
    {
        ResourceKind kind = request.Kind;
        JsonObject? last = null;
        store.Update(kind, request.Namespace, request.Name, there =>
        {
            if (there is null) throw ApiException.NotFound(kind, request.Name);
            JsonObject meta = Meta(there);
            if (Text(options?["preconditions"]?["uid"]) is { Length: > 0 } uid && uid != Text(meta["uid"]))
                throw ApiException.Conflict(kind, request.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {Text(meta["uid"])}");
            if (Text(options?["preconditions"]?["resourceVersion"]) is { Length: > 0 } version && version != Text(meta["resourceVersion"])) throw Stale(request);
            last = there;
            long grace = rules.GraceOf(request, user, there, options?["gracePeriodSeconds"]?.GetValue<long>());
            bool held = meta["finalizers"] is JsonArray { Count: > 0 };
            if (grace == 0 && !held) return null;
            JsonObject after = (JsonObject)there.DeepClone();
            // A second request may only shorten what is left.
            if (Meta(after)["deletionGracePeriodSeconds"] is { } before && before.GetValue<long>() <= grace && Meta(after)["deletionTimestamp"] is not null) return there;
            Meta(after)["deletionGracePeriodSeconds"] = grace;
            Meta(after)["deletionTimestamp"] = (time.GetUtcNow() + TimeSpan.FromSeconds(grace)).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
            Bump(kind, after);
            return last = after;
        });
        return last!;
    }

    private JsonObject Change(ApiRequest request, ApiUser user, Func<JsonObject, JsonObject> change)
    {
        (ResourceKind kind, string name) = (request.Kind, request.Name);
        return store.Update(kind, request.Namespace, name, there =>
        {
            if (there is null) throw ApiException.NotFound(kind, name);
            JsonObject wanted = change(there);
            JsonObject before = Meta(there), meta = Meta(wanted);
            if (Text(meta["uid"]) is { Length: > 0 } uid && uid != Text(before["uid"]))
                throw ApiException.Conflict(kind, name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {Text(before["uid"])}");
            if (Text(meta["name"]) is { Length: > 0 } other && other != name) throw ApiException.BadRequest($"the name of the object ({other}) does not match the name on the URL ({name})");
            JsonObject after = SubResource(request.SubResource, there, wanted);
            JsonObject kept = Meta(after);
            foreach (string fixedField in (string[])["uid", "name", "namespace", "creationTimestamp", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"])
                if (before[fixedField] is { } value) kept[fixedField] = value.DeepClone();
                else kept.Remove(fixedField);
            EphemeralContainers.CheckChanged(request, there, after);
            rules.BeforeChange(request, user, there, after);
            if (!JsonNode.DeepEquals(there["spec"], after["spec"])) Bump(kind, after);
            // The last finalizer of an object that is being deleted ends it.
            bool ending = kept["deletionTimestamp"] is not null && kept["finalizers"] is not JsonArray { Count: > 0 } && before["finalizers"] is JsonArray { Count: > 0 };
            return ending && rules.GraceOf(request, user, after, kept["deletionGracePeriodSeconds"]?.GetValue<long>()) == 0 ? null : after;
        }) ?? throw ApiException.NotFound(kind, name);
    }

    /// <summary>Through a sub-resource only its own part changes; through the object everything but the status.</summary>
    private static JsonObject SubResource(string sub, JsonObject there, JsonObject wanted)
    {
        JsonObject after = (JsonObject)(sub.Length == 0 ? wanted : there).DeepClone();
        JsonNode? status = (sub.Length == 0 ? there : wanted)["status"];
        if (sub is "status" or "approval" or "" && ResourceKind.All.Any(k => k.Kind == Text(there["kind"]) && k.SubResources.Contains("status")))
        {
            if (status is null) after.Remove("status");
            else after["status"] = status.DeepClone();
        }
        if (sub == "status" && Meta(wanted) is var meta)
            foreach (string field in (string[])["annotations", "labels"])       // a node's own labels travel with its status
                if (Text(there["kind"]) == "Node" && meta[field] is { } value) Meta(after)[field] = value.DeepClone();
        if (sub == "resize") PodResize.Take(after, wanted);
        if (sub == EphemeralContainers.SubResource) EphemeralContainers.Take(wanted, after);
        return after;
    }

    private static JsonObject Clean(ResourceKind kind, JsonObject body, bool strict)
    {
        if (body["kind"] is { } given && Text(given) != kind.Kind) throw ApiException.BadRequest($"{Text(given)} in version \"{kind.ApiVersion}\" cannot be handled as a {kind.Kind}");
        if (body["apiVersion"] is { } version && Text(version) != kind.ApiVersion) throw ApiException.BadRequest($"the API version in the data ({Text(version)}) does not match the expected API version ({kind.ApiVersion})");
        string[] unknown = [.. ModelCheck.Unknown(body, kind.Model)];
        if (strict && unknown.Length > 0)
            throw ApiException.BadRequest($"{kind.Kind} in version \"{kind.Version}\" cannot be handled as a {kind.Kind}: strict decoding error: {string.Join(", ", unknown.Select(u => $"unknown field \"{u}\""))}");
        // As it would come over the wire: a number made in memory reads back as its own type only.
        JsonObject clean = (JsonObject)JsonNode.Parse(body.ToJsonString())!;
        clean["kind"] = kind.Kind;
        clean["apiVersion"] = kind.ApiVersion;
        if (clean["metadata"] is not JsonObject) clean["metadata"] = new JsonObject();
        return clean;
    }

    private static string Scope(ResourceKind kind, ApiRequest request, JsonObject meta)
    {
        if (!kind.Namespaced) return "";
        if (Text(meta["namespace"]) is { Length: > 0 } own && own != request.Namespace) throw ApiException.BadRequest($"the namespace of the provided object does not match the namespace sent on the request ({own}, {request.Namespace})");
        meta["namespace"] = request.Namespace;
        return request.Namespace;
    }

    private static void Bump(ResourceKind kind, JsonObject o)
    {
        if (kind.Plural is "pods" or "nodes") Meta(o)["generation"] = (Meta(o)["generation"]?.GetValue<long>() ?? 0) + 1;
    }

    private static ApiException Stale(ApiRequest request) =>
        ApiException.Conflict(request.Kind, request.Name, "the object has been modified; please apply your changes to the latest version and try again");

    private string Now() => time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}

using k8s.Models;
using NativeKubelet.Core.Manifests;

namespace NativeKubelet.Tests.Unit.Core.Manifests;

public sealed class ObjectManifestTests
{
    [Fact]
    public void ConfigMaps_Secrets_claims_and_volumes_stand_beside_pods_in_one_file()
    {
        DecodedManifest read = Manifest.Decode("""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: settings}
            data: {level: debug}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: key, namespace: web}
            data: {token: aHVzaA==}
            stringData: {user: admin}
            ---
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: data}
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
            ---
            apiVersion: v1
            kind: PersistentVolume
            metadata: {name: disk}
            spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, hostPath: {path: /srv}}
            ---
            """ + "\n" + Manifest.Yaml());

        Assert.Empty(read.Problems);
        Assert.Single(read.Pods);
        Assert.Equal(
            ["ConfigMap default/settings", "Secret web/key", "PersistentVolumeClaim default/data", "PersistentVolume disk"],
            read.Objects.Select(o => o.Key.ToString()));
        V1Secret secret = Assert.IsType<V1Secret>(read.Objects[1].Model);
        Assert.Equal(["token=hush", "user=admin"], secret.Data.Select(d => $"{d.Key}={System.Text.Encoding.UTF8.GetString(d.Value)}"));
        Assert.Null(secret.StringData);
    }

    [Theory]
    [InlineData("kind: ConfigMap\nmetadata: {name: m}\ndata: {'..x': a}", "data[..x]")]
    [InlineData("kind: ConfigMap\nmetadata: {name: m}\ndata: {a: x}\nbinaryData: {a: eA==}", "data[a]")]
    [InlineData("kind: ConfigMap\nmetadata: {name: m}\ndata: {a: 1}", "data.a")]
    [InlineData("kind: ConfigMap\nmetadata: {name: M_}", "metadata.name")]
    [InlineData("kind: ConfigMap\nmetadata: {}", "metadata.name")]
    [InlineData("kind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/tls\ndata: {tls.crt: eA==}", "data[tls.key]")]
    [InlineData("kind: Secret\nmetadata: {name: s}\ntype: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: nonsense}", "data[.dockerconfigjson]")]
    [InlineData("kind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {accessModes: [Often], resources: {requests: {storage: 1Gi}}}", "spec.accessModes")]
    [InlineData("kind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {accessModes: [ReadWriteOnce]}", "spec.resources[storage]")]
    [InlineData("kind: PersistentVolume\nmetadata: {name: v}\nspec: {accessModes: [ReadWriteOnce], capacity: {storage: 1Gi}, local: {path: /a/../b}}", "spec.local.path")]
    public void An_object_that_an_API_server_would_refuse_makes_its_file_invalid(string yaml, string field)
    {
        DecodedManifest read = Manifest.Decode("apiVersion: v1\n" + yaml);

        Assert.False(read.Valid);
        Assert.Empty(read.Objects);
        Assert.Contains(read.Problems, p => p.Field == field);
    }

    [Theory]
    [InlineData("data: {token: 'hush-hush!'}")]
    [InlineData("type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: hush-hush}")]
    [InlineData("data: {token: [hush-hush]}")]
    [InlineData("data: {token: hush-hush\n  broken")]
    [InlineData("stringData: {a: hush-hush, a: hush-hush}\nmore: hush-hush")]
    public void No_problem_tells_what_a_Secret_holds(string rest)
    {
        DecodedManifest read = Manifest.Decode("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n" + rest);

        Assert.NotEmpty(read.Problems);
        Assert.DoesNotContain(read.Problems, p => p.ToString().Contains("hush", StringComparison.Ordinal));
    }

    [Fact]
    public void A_joined_node_takes_no_objects_and_no_references_from_manifests()
    {
        ManifestOrigin origin = ManifestOrigin.File("/p.yaml", Manifest.Node) with { Scope = ManifestScope.Joined };
        string pod = Manifest.Yaml(spec: "volumes: [{name: v, configMap: {name: settings}}]");

        DecodedManifest objects = ManifestDecoder.Decode("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}"u8.ToArray(), origin, Manifest.Now);
        DecodedManifest reference = ManifestDecoder.Decode(System.Text.Encoding.UTF8.GetBytes(pod), origin, Manifest.Now);

        Assert.Equal("kind", Assert.Single(objects.Problems).Field);
        Assert.Equal("static pods may not reference configmaps", Assert.Single(reference.Problems).Message);
        Assert.Empty(Manifest.Decode(pod).Problems);
    }
}

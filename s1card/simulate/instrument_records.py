"""Records of the annotation on instrument and raw data: nominal values, for the sake of the format."""

from __future__ import annotations

from s1card.simulate.product import Product
from s1card.simulate.xml import Element, element, fragment, listing

PULSE_FREQUENCY = 1.717128973878037e03
SAMPLING_RATE = 6.434523812571428e07
# The middle parts of the names of error counters.
_ERRORS = """
SyncMarker DataTakeId EccNumber TestMode RxChannelId InstrumentConfigId PacketCount PriCount SsbErrorFlag
BaqMode BaqBlockLength RangeDecimation RxGain TxRampRate TxPulseStartFrequency Rank Pri Swst Swl Polarisation
TempComp
ElevationBeamAddress AzimuthBeamAddress SasTestMode CalType CalibrationBeamAddress CalMode TxPulseNumber
SignalType SwapFlag SwathNumber NumberOfQuads"""

_QUALITY = """
<qualityData>
  <azimuthTime>{time}</azimuthTime>
  <downlinkQuality>
    <iInputDataMean>{zero}</iInputDataMean>
    <qInputDataMean>{zero}</qInputDataMean>
    <inputDataMeanOutsideNominalRangeFlag>false</inputDataMeanOutsideNominalRangeFlag>
    <iInputDataStdDev>{nine}</iInputDataStdDev>
    <qInputDataStdDev>{nine}</qInputDataStdDev>
    <inputDataStDevOutsideNominalRangeFlag>false</inputDataStDevOutsideNominalRangeFlag>
    <numDownlinkInputDataGaps>0</numDownlinkInputDataGaps>
    <downlinkGapsInInputDataSignificantFlag>false</downlinkGapsInInputDataSignificantFlag>
    <numDownlinkInputMissingLines>0</numDownlinkInputMissingLines>
    <downlinkMissingLinesSignificantFlag>false</downlinkMissingLinesSignificantFlag>
    <numInstrumentInputDataGaps>0</numInstrumentInputDataGaps>
    <instrumentGapsInInputDataSignificantFlag>false</instrumentGapsInInputDataSignificantFlag>
    <numInstrumentInputMissingLines>0</numInstrumentInputMissingLines>
    <instrumentMissingLinesSignificantFlag>false</instrumentMissingLinesSignificantFlag>
    <numSsbErrorInputDataGaps>0</numSsbErrorInputDataGaps>
    <ssbErrorGapsInInputDataSignificantFlag>false</ssbErrorGapsInInputDataSignificantFlag>
    <numSsbErrorInputMissingLines>0</numSsbErrorInputMissingLines>
    <ssbErrorMissingLinesSignificantFlag>false</ssbErrorMissingLinesSignificantFlag>
    <chirpSourceUsed>Nominal</chirpSourceUsed>
    <pgSourceUsed>Extracted</pgSourceUsed>
    <rrfSpectrumUsed>Extended Tapered</rrfSpectrumUsed>
    <replicaReconstructionFailedFlag>false</replicaReconstructionFailedFlag>
    <meanPgProductAmplitude>{one}</meanPgProductAmplitude>
    <stdDevPgProductAmplitude>{zero}</stdDevPgProductAmplitude>
    <meanPgProductPhase>{zero}</meanPgProductPhase>
    <stdDevPgProductPhase>{zero}</stdDevPgProductPhase>
    <pgProductDerivationFailedFlag>false</pgProductDerivationFailedFlag>
    <invalidDownlinkParamsFlag>false</invalidDownlinkParamsFlag>
  </downlinkQuality>
  <rawDataAnalysisQuality>
    <iBias>{zero}</iBias>
    <iBiasSignificanceFlag>true</iBiasSignificanceFlag>
    <qBias>{zero}</qBias>
    <qBiasSignificanceFlag>true</qBiasSignificanceFlag>
    <iqGainImbalance>{one}</iqGainImbalance>
    <iqGainSignificanceFlag>true</iqGainSignificanceFlag>
    <iqQuadratureDeparture>{zero}</iqQuadratureDeparture>
    <iqQuadratureDepartureSignificanceFlag>true</iqQuadratureDepartureSignificanceFlag>
  </rawDataAnalysisQuality>
  <dopplerCentroidQuality>
    <dcMethod>Data Analysis</dcMethod>
    <dopplerCentroidUncertainFlag>false</dopplerCentroidUncertainFlag>
  </dopplerCentroidQuality>
</qualityData>"""

_DOWNLINK_VALUES = """
<downlinkValues>
  <pri>{pri}</pri>
  <rank>9</rank>
  <dataTakeId>{datatake}</dataTakeId>
  <eccNumber>8</eccNumber>
  <rxChannelId>0</rxChannelId>
  <instrumentConfigId>6</instrumentConfigId>
  <dataFormat>
    <baqBlockLength>256</baqBlockLength>
    <echoFormat>FDBAQ</echoFormat>
    <noiseFormat>BAQ 5 Bit</noiseFormat>
    <calibrationFormat>Decimation</calibrationFormat>
    <meanBitRate>{bits}</meanBitRate>
  </dataFormat>
  <rangeDecimation>
    <decimationFilterBandwidth>5.659000000000000e+07</decimationFilterBandwidth>
    <samplingFrequencyAfterDecimation>{rate}</samplingFrequencyAfterDecimation>
    <filterLength>36</filterLength>
  </rangeDecimation>
  <rxGain>-4.000000000000000e+00</rxGain>
  <txPulseLength>5.240481033595628e-05</txPulseLength>
  <txPulseStartFrequency>-2.825153419637256e+07</txPulseStartFrequency>
  <txPulseRampRate>1.078230321255894e+12</txPulseRampRate>
  <swathNumber>10</swathNumber>
  <swlList count="1"><swl><azimuthTime>{time}</azimuthTime><value>3.7e-04</value></swl></swlList>
  <swstList count="1"><swst><azimuthTime>{time}</azimuthTime><value>1.1e-04</value></swst></swstList>
  <pointingStatusList count="1">
    <pointingStatus>
      <azimuthTime>{time}</azimuthTime>
      <aocsOpMode>Normal Pointing Mode</aocsOpMode>
      <rollErrorFlag>false</rollErrorFlag>
      <pitchErrorFlag>false</pitchErrorFlag>
      <yawErrorFlag>false</yawErrorFlag>
    </pointingStatus>
  </pointingStatusList>
</downlinkValues>"""

_RAW_DATA = """
<rawDataAnalysis>
  <azimuthTime>{time}</azimuthTime>
  <iBias>{zero}</iBias>
  <qBias>{zero}</qBias>
  <iqQuadratureDeparture>{zero}</iqQuadratureDeparture>
  <iqGainImbalance>{one}</iqGainImbalance>
  <support>
    <iBiasUpperBound>{zero}</iBiasUpperBound>
    <iBiasLowerBound>{zero}</iBiasLowerBound>
    <qBiasUpperBound>{zero}</qBiasUpperBound>
    <qBiasLowerBound>{zero}</qBiasLowerBound>
    <iqGainUpperBound>{one}</iqGainUpperBound>
    <iqGainLowerBound>{one}</iqGainLowerBound>
    <iqQuadratureDepartureUpperBound>{zero}</iqQuadratureDepartureUpperBound>
    <iqQuadratureDepartureLowerBound>{zero}</iqQuadratureDepartureLowerBound>
    <iBiasUsedForCorrection>{zero}</iBiasUsedForCorrection>
    <qBiasUsedForCorrection>{zero}</qBiasUsedForCorrection>
    <iqGainImbalanceUsedForCorrection>{one}</iqGainImbalanceUsedForCorrection>
    <iqQuadratureDepartureUsedForCorrection>{zero}</iqQuadratureDepartureUsedForCorrection>
  </support>
</rawDataAnalysis>"""

_REPLICA = """
<replicaInformation>
  <swath>{swath}</swath>
  <referenceReplica>
    <azimuthTime>{time}</azimuthTime>
    <chirpSource>Nominal</chirpSource>
    <pgSource>Extracted</pgSource>
    <amplitudeCoefficients count="4">1.0e+00 0.0e+00 0.0e+00 0.0e+00</amplitudeCoefficients>
    <phaseCoefficients count="4">0.000000e+00 6.935456e+02 5.391152e+11 0.000000e+00</phaseCoefficients>
    <timeDelay>4.449655e-07</timeDelay>
    <gain><re>1.000000e+00</re><im>0.000000e+00</im></gain>
  </referenceReplica>
  <replicaList count="1">
    <replica>
      <azimuthTime>{time}</azimuthTime>
      <crossCorrelationBandwidth>9.850000e-01</crossCorrelationBandwidth>
      <crossCorrelationPslr>-1.270000e+01</crossCorrelationPslr>
      <crossCorrelationIslr>-9.500000e+00</crossCorrelationIslr>
      <crossCorrelationPeakLocation>0.000000e+00</crossCorrelationPeakLocation>
      <reconstructedReplicaValidFlag>true</reconstructedReplicaValidFlag>
      <pgProductAmplitude>6.500000e-01</pgProductAmplitude>
      <pgProductPhase>0.000000e+00</pgProductPhase>
      <modelPgProductAmplitude>6.500000e-01</modelPgProductAmplitude>
      <modelPgProductPhase>0.000000e+00</modelPgProductPhase>
      <relativePgProductValidFlag>true</relativePgProductValidFlag>
      <absolutePgProductValidFlag>true</absolutePgProductValidFlag>
      <internalTimeDelay>4.449654e-07</internalTimeDelay>
    </replica>
  </replicaList>
</replicaInformation>"""

_ATTITUDE = """
<attitude>
  <time>{time}</time>
  <frame>GM2000</frame>
  <q0>5.000000e-01</q0><q1>-5.000000e-01</q1><q2>-5.000000e-01</q2><q3>5.000000e-01</q3>
  <wx>{zero}</wx><wy>-1.060500000000000e-03</wy><wz>{zero}</wz>
  <roll>2.960000e+01</roll><pitch>0.000000e+00</pitch><yaw>0.000000e+00</yaw>
</attitude>"""

_DOPPLER = """
<dcEstimate>
  <azimuthTime>{time}</azimuthTime>
  <t0>{near}</t0>
  <geometryDcPolynomial count="3">0.000000e+00 0.000000e+00 0.000000e+00</geometryDcPolynomial>
  <dataDcPolynomial count="3">0.000000e+00 0.000000e+00 0.000000e+00</dataDcPolynomial>
  <dataDcRmsError>1.000000000000000e+00</dataDcRmsError>
  <dataDcRmsErrorAboveThreshold>false</dataDcRmsErrorAboveThreshold>
  <fineDceAzimuthStartTime>{time}</fineDceAzimuthStartTime>
  <fineDceAzimuthStopTime>{time}</fineDceAzimuthStopTime>
  <fineDceList count="1">
    <fineDce><slantRangeTime>{near}</slantRangeTime><frequency>{zero}</frequency></fineDce>
  </fineDceList>
</dcEstimate>"""

_PATTERN = """
<antennaPattern>
  <swath>{swath}</swath>
  <azimuthTime>{time}</azimuthTime>
  <slantRangeTime count="2">{near} {far}</slantRangeTime>
  <elevationAngle count="2">2.700000e+01 4.000000e+01</elevationAngle>
  <elevationPattern count="4">1.000000e+00 0.000000e+00 1.000000e+00 0.000000e+00</elevationPattern>
  <incidenceAngle count="2">3.030000e+01 4.600000e+01</incidenceAngle>
  <terrainHeight>{height}</terrainHeight>
  <roll>2.960000000000000e+01</roll>
</antennaPattern>"""

_NUMBERS = {"zero": 0.0, "one": 1.0, "nine": 9.0}


def quality_information(product: Product, statistics: Element) -> Element:
    """``qualityInformation``."""
    record = fragment(_QUALITY, time=product.first_time, **_NUMBERS)
    flags = [
        element("outputDataMeanOutsideNominalRangeFlag", False),
        element("outputDataStDevOutsideNominalRangeFlag", False),
    ]
    record.append(element("imageQuality", statistics, flags))
    return element(
        "qualityInformation", [element("productQualityIndex", 0.0), listing("qualityDataList", [record])]
    )


def downlink_information(product: Product, swath: str) -> Element:
    """``downlinkInformation`` of a sub-swath."""
    errors = [f"numErr{name}" for name in _ERRORS.split()] + ["numIspHeaderErrors"]
    values = fragment(
        _DOWNLINK_VALUES,
        pri=1.0 / PULSE_FREQUENCY,
        datatake=product.datatake_id % 65536,
        bits=3.4,
        rate=SAMPLING_RATE,
        time=product.first_time,
    )
    return element(
        "downlinkInformation",
        element("swath", swath),
        element("azimuthTime", product.first_time),
        element("firstLineSensingTime", product.first_time),
        element("lastLineSensingTime", product.last_time),
        element("prf", PULSE_FREQUENCY),
        element("bitErrorCount", [element(name, 0) for name in errors]),
        values,
    )


def attitude(product: Product) -> Element:
    """``attitude``."""
    return fragment(_ATTITUDE, time=product.first_time, **_NUMBERS)


def raw_data_analysis(product: Product) -> Element:
    """``rawDataAnalysis``."""
    return fragment(_RAW_DATA, time=product.first_time, **_NUMBERS)


def replica_information(product: Product, swath: str) -> Element:
    """``replicaInformation`` of a sub-swath."""
    return fragment(_REPLICA, swath=swath, time=product.first_time)


def noise_packet(product: Product, swath: str) -> Element:
    """``noise`` of a sub-swath."""
    return element(
        "noise",
        element("swath", swath),
        element("azimuthTime", product.first_time),
        element("noisePowerCorrectionFactor", "1.000000e+00"),
        element("numberOfNoiseLines", 8),
    )


def doppler_centroid(product: Product) -> Element:
    """``dopplerCentroid``: zero, as the simulated images have none."""
    record = fragment(_DOPPLER, time=product.first_time, near=product.acquisition.near_time, **_NUMBERS)
    return element("dopplerCentroid", listing("dcEstimateList", [record]))


def antenna_pattern(product: Product, far_time: float) -> Element:
    """``antennaPattern``: flat."""
    near, height = product.acquisition.near_time, product.acquisition.reference_height
    records = [
        fragment(_PATTERN, swath=swath, time=product.first_time, near=near, far=far_time, height=height)
        for swath in product.config.mode_facts.swaths
    ]
    if product.config.ipf_version < (2, 90):
        for record in records:
            record.remove(record[-1])
    return element("antennaPattern", listing("antennaPatternList", records))
